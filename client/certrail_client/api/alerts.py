"""Calls: alerts.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of, scoped
from certrail_client.models.alerts import AcknowledgeIn, AlertChangeIn, AlertIn, ChannelChangeIn, ChannelIn
from certrail_client.models.common import PluginTrialIn


def acknowledge_incident(incident_id: str, body: AcknowledgeIn) -> Call[Json]:
    """See to it: nobody else is told from now on."""
    path = path_of(PREFIX + "/incidents/{incident_id}/acknowledge", incident_id=incident_id)
    return Call("POST", path, Json, body=body, idempotent=True)


def replay_notification(notification_id: str) -> Call[Json]:
    """Send a message once more."""
    path = path_of(PREFIX + "/notifications/{notification_id}/replay", notification_id=notification_id)
    return Call("POST", path, Json, idempotent=True)


def list_channels(application: str | None) -> Call[Json]:
    """The channels of an Application, their secrets masked."""
    path = scoped(application, "/channels")
    return Call("GET", path, Json)


def create_channel(application: str | None, body: ChannelIn) -> Call[Json]:
    """Make a channel."""
    path = scoped(application, "/channels")
    return Call("POST", path, Json, body=body, idempotent=True)


def try_channel(application: str | None, body: PluginTrialIn) -> Call[Json]:
    """Check a configuration before it is saved."""
    path = scoped(application, "/channels/check")
    return Call("POST", path, Json, body=body, idempotent=True)


def check_channel(application: str | None, channel: str) -> Call[Json]:
    """Check that the channel can be used."""
    path = scoped(application, "/channels/{channel}/check", channel=channel)
    return Call("POST", path, Json, idempotent=True)


def update_channel(application: str | None, channel: str, body: ChannelChangeIn) -> Call[Json]:
    """Change a channel."""
    path = scoped(application, "/channels/{channel}", channel=channel)
    return Call("PATCH", path, Json, body=body)


def delete_channel(application: str | None, channel: str) -> Call[None]:
    """Remove a channel that nothing uses."""
    path = scoped(application, "/channels/{channel}", channel=channel)
    return Call("DELETE", path, type(None))


def list_alerts(application: str | None) -> Call[Json]:
    """The alerts of an Application."""
    path = scoped(application, "/alerts")
    return Call("GET", path, Json)


def create_alert(application: str | None, body: AlertIn) -> Call[Json]:
    """Make an alert."""
    path = scoped(application, "/alerts")
    return Call("POST", path, Json, body=body, idempotent=True)


def update_alert(application: str | None, alert: str, body: AlertChangeIn) -> Call[Json]:
    """Change an alert, or switch it off and on."""
    path = scoped(application, "/alerts/{alert}", alert=alert)
    return Call("PATCH", path, Json, body=body)


def delete_alert(application: str | None, alert: str) -> Call[None]:
    """Remove an alert."""
    path = scoped(application, "/alerts/{alert}", alert=alert)
    return Call("DELETE", path, type(None))


def list_notifications(
    application: str | None, *, status: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Json]:
    """What was sent to which channel, newest first."""
    path = scoped(application, "/notifications")
    return Call("GET", path, Json, query={"status": status, "cursor": cursor, "limit": limit})


def list_incidents(
    application: str | None,
    *,
    closed: bool | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Json]:
    """The troubles that an alert escalates: those that are open, or those that are over; newest first."""
    path = scoped(application, "/incidents")
    return Call("GET", path, Json, query={"closed": closed, "cursor": cursor, "limit": limit})
