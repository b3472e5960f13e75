"""Alerts before the end: how long before, and how far each has looked."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("thresholds", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column(
        "alert", sa.Column("daily_reminder", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "alert_cursor",
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("reached", UtcDateTime(), nullable=False),
        sa.Column("reached_id", sa.String(length=80), nullable=False),
        sa.Column("look_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.PrimaryKeyConstraint("alert_id", "threshold"),
    )
    op.create_index(op.f("ix_alert_cursor_look_at"), "alert_cursor", ["look_at"])
