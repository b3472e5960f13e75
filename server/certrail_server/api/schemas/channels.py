"""Channels, and the log of what was sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from certrail.domain.states import NotificationStatus
from certrail.domain.windows import Window
from certrail.persistence.tables import Channel, NotificationRow
from certrail_server.api.schemas.base import (
    Duration,
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Reference,
    Settings,
    Slug,
    absent,
    examples,
    span,
)
from certrail_server.api.schemas.failures import FailureOut

QuietHours = Annotated[list[Window], Field(max_length=10)]


class ChannelIn(In):
    """A channel to create."""

    model_config = examples(
        {
            "slug": "receiver",
            "name": "Event receiver",
            "notifier": "webhook",
            "connection": "receiver",
            "config": {"timeout_seconds": 5},
            "quiet_hours": [
                {"days": ["sat", "sun"], "begins": "18:00", "ends": "08:00", "zone": "Europe/Berlin"}
            ],
            "digest": "30m",
            "fallback": "approvals",
        },
        {
            "slug": "on-call",
            "name": "On call",
            "notifier": "webhook",
            "connection": "receiver",
            "product_wide": True,
        },
    )

    slug: Slug = Field(description="Unique name in the Application.")
    name: Name = Field(description="Name for people.")
    notifier: Reference = Field(description="Name of the notifier plugin.")
    connection: Reference | None = Field(default=None, description="Slug or id of the connection to use.")
    config: Settings = Field(
        default_factory=dict, description="Configuration of the plugin, by its schema at `/plugins`."
    )
    quiet_hours: QuietHours = Field(
        default_factory=list, description="When only critical notifications are sent; others wait."
    )
    digest: Duration | None = Field(
        default=None, description="How often what is not critical is sent, together; null sends each at once."
    )
    fallback: Reference | None = Field(
        default=None, description="Slug or id of the channel that takes what this one cannot send."
    )
    product_wide: bool = Field(
        default=False, description="For alerts about all Applications; only in the legacy scope."
    )


class ChannelChangeIn(Patch):
    """What to change of a channel; a masked value in the configuration is kept."""

    model_config = examples(
        {
            "name": "Events of the storefront",
            "connection": "receiver",
            "config": {"timeout_seconds": 10},
            "quiet_hours": [],
            "digest": "1h",
            "fallback": "approvals",
        },
        {"digest": None, "fallback": None},
    )

    name: Name = absent(description="Name for people.")
    connection: Reference | None = Field(
        default=None, description="Slug or id of the connection to use; null for none."
    )
    config: Settings = absent(description="Replaces the configuration as a whole.")
    quiet_hours: QuietHours = absent(description="Replaces the quiet hours.")
    digest: Duration | None = Field(
        default=None, description="How often what is not critical is sent, together; null sends each at once."
    )
    fallback: Reference | None = Field(
        default=None,
        description="Slug or id of the channel that takes what this one cannot send; null for none.",
    )


class NotifierTrialIn(In):
    """A configuration of a notifier plugin to check without saving it."""

    model_config = examples({"plugin": "webhook", "connection": "receiver", "config": {"timeout_seconds": 5}})

    plugin: Reference = Field(description="Name of the notifier plugin.")
    connection: Reference | None = Field(default=None, description="Slug or id of the connection to use.")
    config: Settings = Field(default_factory=dict, description="Configuration of the plugin.")


class ChannelOut(Out):
    """A channel, the secrets of its configuration masked."""

    id: Id = Field(description="Id of the channel.")
    created_at: datetime = Field(description="When it was created.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    slug: str = Field(description="Unique name in the Application.")
    name: str = Field(description="Name for people.")
    notifier: str = Field(description="Name of the notifier plugin.")
    connection_id: Id | None = Field(description="Id of the connection.")
    connection: str | None = Field(description="Slug of the connection.")
    config: dict[str, Any] = Field(description="Configuration of the plugin, its secrets masked.")
    quiet_hours: list[Window] = Field(description="When only critical notifications are sent.")
    digest: Duration | None = Field(description="How often what is not critical is sent, together.")
    fallback_id: Id | None = Field(description="Id of the channel that takes what this one cannot send.")
    fallback: str | None = Field(description="Slug of that channel.")
    product_wide: bool = Field(description="Whether it is for alerts about all Applications.")
    failing_since: datetime | None = Field(description="Since when nothing gets through.")

    @classmethod
    def about(cls, row: Channel, **named: Any) -> Self:
        """From a row and the names of what it points to."""
        return cls.of(row, digest=span(row.digest_seconds), **named)


class ChannelList(Listing[ChannelOut]):
    """Channels, by slug."""


class NotificationOut(Out):
    """One message to one channel."""

    id: Id = Field(description="Id of the notification.")
    created_at: datetime = Field(description="When it was written.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    channel_id: Id = Field(description="Id of the channel.")
    channel: str | None = Field(description="Slug of the channel; null once that is deleted.")
    dedupe_key: str = Field(description="A channel gets one notification per key.")
    content: dict[str, Any] = Field(description="What it says: title, text, severity, facts.")
    status: NotificationStatus = Field(description="Whether it was sent.")
    attempts: int = Field(description="Attempts so far.")
    last_error: FailureOut | None = Field(description="The last failed attempt.")
    next_try_at: datetime | None = Field(description="When the next attempt is due.")
    sent_at: datetime | None = Field(description="When it was sent.")
    reference: str | None = Field(description="The chat or mail system's own id of the message.")
    recipients: list[dict[str, Any]] = Field(description="Who got it, where the plugin can tell.")
    incident: str | None = Field(description="Key of the incident that it is about.")
    held_until: datetime | None = Field(description="Until when quiet hours or a digest hold it back.")
    digest_id: Id | None = Field(description="Id of the notification that it was sent with.")

    @classmethod
    def about(cls, row: NotificationRow, channels: Mapping[str, str]) -> Self:
        """From a row and the slugs of the channels."""
        sent = row.receipt or {}
        return cls.of(
            row,
            channel=channels.get(row.channel_id),
            reference=sent.get("reference"),
            recipients=sent.get("recipients") or [],
        )


class NotificationList(Listing[NotificationOut]):
    """Notifications, newest first."""
