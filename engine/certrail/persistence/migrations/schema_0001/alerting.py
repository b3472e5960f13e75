"""The tables of the room `alerting`."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.types import UtcDateTime


def create() -> None:
    """Create the tables and their indexes."""
    op.create_table(
        "notification",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("intent_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.JSON(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.Column("channel_id", sa.String(length=40), nullable=False),
        sa.Column("dedupe_key", sa.String(length=160), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("incident", sa.String(length=160), nullable=True),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("digest_id", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "dedupe_key"),
    )
    op.create_index(
        "ix_notification_held",
        "notification",
        ["held_until", "channel_id"],
        unique=False,
        sqlite_where=sa.text("held_until is not null"),
        postgresql_where=sa.text("held_until is not null"),
    )
    op.create_index(
        "ix_notification_incident",
        "notification",
        ["incident"],
        unique=False,
        sqlite_where=sa.text("incident is not null"),
        postgresql_where=sa.text("incident is not null"),
    )
    op.create_index(
        "ix_notification_list", "notification", ["application_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_notification_unsent",
        "notification",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status in ('pending', 'retrying')"),
        postgresql_where=sa.text("status in ('pending', 'retrying')"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("daily_reminder", sa.Boolean(), nullable=False),
        sa.Column("escalation", sa.JSON(), nullable=False),
        sa.Column("product_wide", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    op.create_table(
        "channel",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=True),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("notifier", sa.String(length=64), nullable=False),
        sa.Column("distribution", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("config_sealed", sa.String(), nullable=False),
        sa.Column("config_revision", sa.Integer(), nullable=False),
        sa.Column("quiet_hours", sa.JSON(), nullable=False),
        sa.Column("digest_seconds", sa.Integer(), nullable=True),
        sa.Column("product_wide", sa.Boolean(), nullable=False),
        sa.Column("fallback_id", sa.String(length=40), nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
        ),
        sa.ForeignKeyConstraint(
            ["fallback_id"],
            ["channel.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "slug"),
    )
    op.create_index(op.f("ix_channel_connection_id"), "channel", ["connection_id"], unique=False)
    op.create_index(op.f("ix_channel_fallback_id"), "channel", ["fallback_id"], unique=False)
    op.create_table(
        "alert_channel",
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("channel_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
        ),
        sa.PrimaryKeyConstraint("alert_id", "channel_id"),
    )
    op.create_index(op.f("ix_alert_channel_channel_id"), "alert_channel", ["channel_id"], unique=False)
    op.create_table(
        "alert_cursor",
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("watermark", UtcDateTime(), nullable=False),
        sa.Column("watermark_id", sa.String(length=80), nullable=False),
        sa.Column("next_scan_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
        ),
        sa.PrimaryKeyConstraint("alert_id", "threshold"),
    )
    op.create_index(op.f("ix_alert_cursor_next_scan_at"), "alert_cursor", ["next_scan_at"], unique=False)
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
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_incident_alert_id"), "incident", ["alert_id"], unique=False)
    op.create_index(
        "ix_incident_due",
        "incident",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at is not null"),
        postgresql_where=sa.text("next_at is not null"),
    )
    op.create_index("ix_incident_list", "incident", ["application_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_incident_open",
        "incident",
        ["key", "alert_id"],
        unique=True,
        sqlite_where=sa.text("closed_at is null"),
        postgresql_where=sa.text("closed_at is null"),
    )
