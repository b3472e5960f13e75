"""Alerts about the whole product, and about some certificates only; what is shared and ends."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ALERT = sa.table("alert", sa.column("id", sa.String), sa.column("filters", sa.JSON))
PROFILE = sa.table("certificate_profile", sa.column("id", sa.String), sa.column("slug", sa.String))


def upgrade() -> None:
    for table in ("alert", "channel"):
        op.add_column(
            table, sa.Column("product_wide", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column("connection", sa.Column("expires_at", UtcDateTime(), nullable=True))
    for table in ("connection", "ca_certificate"):
        op.add_column(table, sa.Column("told_seconds", sa.Integer(), nullable=True))
    op.create_table(
        "plugin_trouble",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    _profiles_by_id()


def _profiles_by_id() -> None:
    """Filters named profiles as they were called when the alert was made."""
    connection = op.get_bind()
    idents = {row.slug: row.id for row in connection.execute(sa.select(PROFILE.c.slug, PROFILE.c.id))}
    for row in connection.execute(sa.select(ALERT.c.id, ALERT.c.filters)).all():
        if profiles := row.filters.get("profiles"):
            filters = {**row.filters, "profiles": [idents.get(name, name) for name in profiles]}
            connection.execute(sa.update(ALERT).where(ALERT.c.id == row.id).values(filters=filters))
