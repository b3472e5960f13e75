"""Channels, alerts and notifications."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from certrail.persistence.tables.base import Row, json_column, moment, optional_json
from certrail.persistence.types import UtcDateTime


class Channel(Row, table=True):
    """A notifier plugin with its configuration, sealed."""

    __tablename__ = "channel"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    notifier: str = Field(max_length=64)
    connection_id: str | None = Field(default=None, foreign_key="connection.id", index=True, max_length=40)
    config_sealed: str
    config_revision: int = 1


class Alert(Row, table=True):
    """Events, filters and channels: who is told what. `thresholds` are seconds before the end of a certificate."""

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


class AlertCursor(SQLModel, table=True):
    """How far an alert has looked for one threshold, in seconds before the end: everything that ends up to there."""

    __tablename__ = "alert_cursor"

    alert_id: str = Field(primary_key=True, foreign_key="alert.id", max_length=40)
    threshold: int = Field(primary_key=True)
    reached: datetime = Field(sa_type=UtcDateTime)
    reached_id: str = Field(default="", max_length=80)
    look_at: datetime = Field(sa_type=UtcDateTime, index=True)


class AlertChannel(SQLModel, table=True):
    """A channel that an alert uses."""

    __tablename__ = "alert_channel"

    alert_id: str = Field(primary_key=True, foreign_key="alert.id", max_length=40)
    channel_id: str = Field(primary_key=True, foreign_key="channel.id", index=True, max_length=40)


class NotificationRow(Row, table=True):
    """One message to one channel, once per dedupe key."""

    __tablename__ = "notification"
    __table_args__ = (UniqueConstraint("channel_id", "dedupe_key"),)

    channel_id: str = Field(foreign_key="channel.id", max_length=40)
    dedupe_key: str = Field(max_length=160)
    application_id: str | None = Field(default=None, index=True, max_length=40)
    content: dict[str, Any] = json_column()
    status: str = Field(default="pending", max_length=16)
    intent_at: datetime | None = moment()
    attempts: int = 0
    last_error: dict[str, Any] | None = optional_json()
    next_try_at: datetime | None = moment()
    sent_at: datetime | None = moment()
    reference: str | None = None
    recipients: list[dict[str, Any]] = json_column(list)
