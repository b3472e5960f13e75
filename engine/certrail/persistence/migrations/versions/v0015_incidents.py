"""Quiet hours, digests and fallbacks of channels; incidents that escalate until somebody sees to them."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    with op.batch_alter_table("channel") as table:
        table.add_column(sa.Column("quiet_hours", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("digest_seconds", sa.Integer(), nullable=True))
        table.add_column(sa.Column("fallback_id", sa.String(length=40), nullable=True))
        table.create_foreign_key("fk_channel_fallback", "channel", ["fallback_id"], ["id"])
        table.create_index(op.f("ix_channel_fallback_id"), ["fallback_id"])
    op.add_column("alert", sa.Column("escalation", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("notification", sa.Column("incident", sa.String(length=160), nullable=True))
    op.add_column("notification", sa.Column("held_until", UtcDateTime(), nullable=True))
    op.add_column("notification", sa.Column("digest_id", sa.String(length=80), nullable=True))
    _index("ix_notification_incident", "notification", ["incident"], "incident is not null")
    _index("ix_notification_held", "notification", ["held_until", "channel_id"], "held_until is not null")
    op.create_table(
        "incident",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=40), nullable=True),
        sa.Column("comment", sa.String(length=500), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_incident_alert_id"), "incident", ["alert_id"])
    op.create_index("ix_incident_list", "incident", ["application_id", "created_at", "id"])
    _index("ix_incident_open", "incident", ["key", "alert_id"], "closed_at is null", unique=True)
    _index("ix_incident_due", "incident", ["next_at"], "next_at is not null")
