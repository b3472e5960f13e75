"""What the API takes and answers: channels.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from certrail_client.base import Body, Json, OpenEnum, default
from certrail_client.models.common import FailureOut, Window


class ChannelChangeIn(Body):
    """What to change of a channel; a masked value in the configuration is kept."""

    name: str | None = None
    """Name for people."""
    connection: str | None = None
    """Slug or id of the connection to use; null for none."""
    config: Json | None = default(None, repr=False)
    """Replaces the configuration as a whole."""
    quiet_hours: list[Window] | None = None
    """Replaces the quiet hours."""
    digest: str | None = None
    """How often what is not critical is sent, together; null sends each at once."""
    fallback: str | None = None
    """Slug or id of the channel that takes what this one cannot send; null for none."""


class ChannelIn(Body):
    """A channel to create."""

    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    notifier: str
    """Name of the notifier plugin."""
    connection: str | None = None
    """Slug or id of the connection to use."""
    config: Json | None = default(None, repr=False)
    """Configuration of the plugin, by its schema at `/plugins`."""
    quiet_hours: list[Window] | None = None
    """When only critical notifications are sent; others wait."""
    digest: str | None = None
    """How often what is not critical is sent, together; null sends each at once."""
    fallback: str | None = None
    """Slug or id of the channel that takes what this one cannot send."""
    product_wide: bool = False
    """For alerts about all Applications; only in the legacy scope."""


class ChannelList(Body):
    """Channels, by slug."""

    items: list[ChannelOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ChannelOut(Body):
    """A channel, the secrets of its configuration masked."""

    id: str
    """Id of the channel."""
    created_at: datetime
    """When it was created."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    notifier: str
    """Name of the notifier plugin."""
    connection_id: str | None
    """Id of the connection."""
    connection: str | None
    """Slug of the connection."""
    config: Json = Field(repr=False)
    """Configuration of the plugin, its secrets masked."""
    quiet_hours: list[Window]
    """When only critical notifications are sent."""
    digest: str | None
    """How often what is not critical is sent, together."""
    fallback_id: str | None
    """Id of the channel that takes what this one cannot send."""
    fallback: str | None
    """Slug of that channel."""
    product_wide: bool
    """Whether it is for alerts about all Applications."""
    failing_since: datetime | None
    """Since when nothing gets through."""


class NotificationList(Body):
    """Notifications, newest first."""

    items: list[NotificationOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class NotificationOut(Body):
    """One message to one channel."""

    id: str
    """Id of the notification."""
    created_at: datetime
    """When it was written."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    channel_id: str
    """Id of the channel."""
    channel: str | None
    """Slug of the channel; null once that is deleted."""
    dedupe_key: str
    """A channel gets one notification per key."""
    content: Json
    """What it says: title, text, severity, facts."""
    status: NotificationStatus
    """Whether it was sent."""
    attempts: int
    """Attempts so far."""
    last_error: FailureOut | None
    """The last failed attempt."""
    next_try_at: datetime | None
    """When the next attempt is due."""
    sent_at: datetime | None
    """When it was sent."""
    reference: str | None
    """The chat or mail system's own id of the message."""
    recipients: list[Json]
    """Who got it, where the plugin can tell."""
    incident: str | None
    """Key of the incident that it is about."""
    held_until: datetime | None
    """Until when quiet hours or a digest hold it back."""
    digest_id: str | None
    """Id of the notification that it was sent with."""


class NotificationStatus(OpenEnum):
    """Of a message to a channel."""

    PENDING = "pending"
    HELD = "held"
    RETRYING = "retrying"
    SENT = "sent"
    DIGESTED = "digested"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class NotifierTrialIn(Body):
    """A configuration of a notifier plugin to check without saving it."""

    plugin: str
    """Name of the notifier plugin."""
    connection: str | None = None
    """Slug or id of the connection to use."""
    config: Json | None = default(None, repr=False)
    """Configuration of the plugin."""
