#!/bin/bash
# Run by the image of PostgreSQL at its first start: a role of Temporal's own with its two databases, which reads nothing of
# certrail's. TEMPORAL_DB_PASSWORD_FILE names the file with its password.
set -euo pipefail
password="$(cat "$TEMPORAL_DB_PASSWORD_FILE")"
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set password="$password" --set certrail="$POSTGRES_DB" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
REVOKE CONNECT, TEMPORARY ON DATABASE :"certrail" FROM PUBLIC;
CREATE ROLE temporal LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
SQL
