"""Calls: channels.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.channels import (
    ChannelChangeIn,
    ChannelIn,
    ChannelList,
    ChannelOut,
    NotificationList,
    NotificationOut,
    NotificationStatus,
    NotifierTrialIn,
)
from certrail_client.models.common import Ok


def get_notification(notification_id: str) -> Call[NotificationOut]:
    """One notification."""
    path = path_of(PREFIX + "/notifications/{notification_id}", notification_id=notification_id)
    return Call("GET", path, NotificationOut)


def replay_notification(notification_id: str) -> Call[NotificationOut]:
    """Send a notification once more, as a new entry."""
    path = path_of(PREFIX + "/notifications/{notification_id}/replay", notification_id=notification_id)
    return Call("POST", path, NotificationOut)


def list_channels(application: str | None) -> PagedCall[ChannelList, ChannelOut]:
    """The channels of an Application, their secrets masked; by slug."""
    path = scoped(application, "/channels")
    return PagedCall("GET", path, ChannelList, position="cursor")


def create_channel(application: str | None, body: ChannelIn) -> Call[ChannelOut]:
    """Create a channel."""
    path = scoped(application, "/channels")
    return Call("POST", path, ChannelOut, body=body, idempotent=True)


def check_notifier(application: str | None, body: NotifierTrialIn) -> Call[Ok]:
    """Check a configuration before it is saved."""
    path = scoped(application, "/channels/check")
    return Call("POST", path, Ok, body=body)


def get_channel(application: str | None, channel: str) -> Call[ChannelOut]:
    """One channel, its secrets masked."""
    path = scoped(application, "/channels/{channel}", channel=channel)
    return Call("GET", path, ChannelOut)


def update_channel(application: str | None, channel: str, body: ChannelChangeIn) -> Call[ChannelOut]:
    """Change a channel."""
    path = scoped(application, "/channels/{channel}", channel=channel)
    return Call("PATCH", path, ChannelOut, body=body)


def delete_channel(application: str | None, channel: str) -> Call[None]:
    """Delete a channel that nothing uses."""
    path = scoped(application, "/channels/{channel}", channel=channel)
    return Call("DELETE", path, type(None))


def check_channel(application: str | None, channel: str) -> Call[Ok]:
    """Check that the channel can be used."""
    path = scoped(application, "/channels/{channel}/check", channel=channel)
    return Call("POST", path, Ok)


def list_notifications(
    application: str | None,
    *,
    status: NotificationStatus | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[NotificationList, NotificationOut]:
    """What was sent to which channel, newest first."""
    path = scoped(application, "/notifications")
    return PagedCall(
        "GET",
        path,
        NotificationList,
        query={"status": status, "cursor": cursor, "limit": limit},
        position="cursor",
    )
