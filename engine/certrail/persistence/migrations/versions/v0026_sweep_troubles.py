"""What a sweep cannot handle is remembered by all of them, also after a start."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweep_trouble",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("sweep", sa.String(length=40), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_sweep_trouble_sweep", "sweep_trouble", ["sweep"])
