"""Where a sync put things before it was pointed elsewhere."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = ("delivery", "retirement")


def upgrade() -> None:
    op.create_table(
        "former_place",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sync_id", sa.String(length=40), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("config_sealed", sa.String(), nullable=False),
        sa.Column("config_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"]),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("sync_id", "connection_id"):
        op.create_index(f"ix_former_place_{column}", "former_place", [column])
    for table in TABLES:
        op.add_column(table, sa.Column("place_id", sa.String(length=80), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "place_id")
    op.drop_table("former_place")
