"""Certificates may have a moment of their own, authorities advise one, and connections have a rate."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lineage", sa.Column("moment", sa.JSON(), nullable=True))
    op.add_column("lineage", sa.Column("stale", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("certificate_authority", sa.Column("advice", sa.JSON(), nullable=True))
    op.add_column("connection", sa.Column("max_per_minute", sa.Integer(), nullable=True))
    op.add_column("connection", sa.Column("next_slot_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("slot_at", UtcDateTime(), nullable=True))
