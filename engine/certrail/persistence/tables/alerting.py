"""Channels, alerts, notifications and incidents."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.persistence.tables.base import Row, Table, json_column, only_where, timestamp
from certrail.persistence.tables.effects import EffectColumns
from certrail.persistence.types import UtcDateTime

UNSENT = "status in ('pending', 'retrying')"
"""Notifications that are neither sent, held for later nor given up."""


class Channel(Row, table=True):
    """A notifier plugin with its configuration, sealed. `distribution` is the Python distribution of the plugin.

    What is not critical waits for the end of `quiet_hours`, and for others to be sent with it every `digest_seconds`.
    What this channel fails to send goes to `fallback_id`. It is `failing_since` something failed that nothing followed
    which got through.
    """

    __tablename__ = "channel"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    notifier: str = Field(max_length=64)
    distribution: str
    connection_id: str | None = Field(default=None, foreign_key="connection.id", index=True, max_length=40)
    config_sealed: str
    config_revision: int = 1
    quiet_hours: list[dict[str, Any]] = json_column(list)
    digest_seconds: int | None = None
    product_wide: bool = False
    fallback_id: str | None = Field(default=None, foreign_key="channel.id", index=True, max_length=40)
    failing_since: datetime | None = timestamp()


class Alert(Row, table=True):
    """Events, filters and channels: who is told what. `thresholds` are seconds before the end of a certificate.

    `escalation` names further channels, and after how many seconds without an acknowledgement they are told.
    One that is `product_wide` belongs to no Application and matches events of all of them, and of what they share.
    """

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    events: list[str] = json_column(list)
    filters: dict[str, Any] = json_column()
    enabled: bool = True
    thresholds: list[int] = json_column(list)
    daily_reminder: bool = False
    escalation: list[dict[str, Any]] = json_column(list)
    product_wide: bool = False


class AlertCursor(Table, table=True):
    """How far an alert has looked for one threshold, in seconds before the end: everything that ends up to there."""

    __tablename__ = "alert_cursor"

    alert_id: str = Field(primary_key=True, foreign_key="alert.id", max_length=40)
    threshold: int = Field(primary_key=True)
    watermark: datetime = Field(sa_type=UtcDateTime)
    watermark_id: str = Field(default="", max_length=80)
    next_scan_at: datetime = Field(sa_type=UtcDateTime, index=True)


class AlertChannel(Table, table=True):
    """A channel that an alert uses."""

    __tablename__ = "alert_channel"

    alert_id: str = Field(primary_key=True, foreign_key="alert.id", max_length=40)
    channel_id: str = Field(primary_key=True, foreign_key="channel.id", index=True, max_length=40)


class NotificationRow(EffectColumns, Row, table=True):
    """One message to one channel, once per dedupe key.

    `incident` is the key of the incident that it belongs to. One that is held until `held_until` is sent with others
    as the digest `digest_id`. Its receipt is the notifier's `Sent`. It outlives its channel: the log stays.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("channel_id", "dedupe_key"),
        Index("ix_notification_incident", "incident", **only_where("incident is not null")),
        Index("ix_notification_held", "held_until", "channel_id", **only_where("held_until is not null")),
        Index("ix_notification_list", "application_id", "created_at", "id"),
        Index("ix_notification_unsent", "id", **only_where(UNSENT)),
    )

    channel_id: str = Field(max_length=40)
    dedupe_key: str = Field(max_length=160)
    application_id: str | None = Field(default=None, max_length=40)
    content: dict[str, Any] = json_column()
    sent_at: datetime | None = timestamp()
    incident: str | None = Field(default=None, max_length=160)
    held_until: datetime | None = timestamp()
    digest_id: str | None = Field(default=None, max_length=80)


class Incident(Row, table=True):
    """A trouble that an alert tells more and more people of, until one says that they see to it, or it is over.

    `level` counts the steps of the escalation that were taken; `next_at` is when the next one is.
    """

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_open", "key", "alert_id", unique=True, **only_where("closed_at is null")),
        Index("ix_incident_due", "next_at", **only_where("next_at is not null")),
        Index("ix_incident_list", "application_id", "created_at", "id"),
    )

    application_id: str | None = Field(default=None, max_length=40)
    alert_id: str = Field(foreign_key="alert.id", index=True, max_length=40)
    key: str = Field(max_length=160)
    content: dict[str, Any] = json_column()
    level: int = 0
    next_at: datetime | None = timestamp()
    acknowledged_at: datetime | None = timestamp()
    acknowledged_by: str | None = Field(default=None, max_length=40)
    comment: str = Field(default="", max_length=500)
    closed_at: datetime | None = timestamp()
