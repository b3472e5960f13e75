"""What an older project brings: one role for each of its members, and lists with numbers that others counted."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.tables.base import only_where

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_membership_outside",
        "membership",
        ["principal_id"],
        unique=True,
        **only_where("application_id is null"),
    )
    # SQLite has one kind of integer, which holds them already.
    if op.get_bind().dialect.name == "postgresql":
        for table in ("crl", "crl_copy"):
            op.alter_column(table, "number", type_=sa.BigInteger())
