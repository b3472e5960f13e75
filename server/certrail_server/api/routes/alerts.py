"""Channels, alerts and the log of what was sent."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail_server.api.alert_shapes import (
    AcknowledgeIn,
    AlertChangeIn,
    AlertIn,
    ChannelChangeIn,
    ChannelIn,
)
from certrail_server.api.guard import Call, allow, find_created, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.schemas.syncs import PluginTrialIn as TrialIn
from certrail_server.api.views import Json, items, shown

router = APIRouter(tags=["alerts"])
objects = APIRouter(tags=["alerts"])
Read = Annotated[Call, allow(Permission.ALERT_READ)]
Manage = Annotated[Call, allow(Permission.ALERT_MANAGE)]


@router.get("/channels")
def list_channels(call: Read) -> Json:
    """The channels of an Application, their secrets masked."""
    channels = call.services.channels
    return items([shown(c, config=channels.shown(c)) for c in channels.list(call.scope)], dict)


@router.post("/channels", status_code=201)
def create_channel(
    body: ChannelIn,
    call: Annotated[Call, allow(Permission.ALERT_MANAGE, creates="channels", unless="product_wide")],
) -> Json:
    """Make a channel."""
    channels = call.services.channels
    row = idempotent(
        lambda: channels.create(call.actor, call.scope, **dict(body)),
        lambda ident: find_created(channels.list(call.scope), ident, "channel"),
    )
    return shown(row, config=channels.shown(row))


@router.post("/channels/check")
async def try_channel(body: TrialIn, call: Manage) -> Json:
    """Check a configuration before it is saved."""
    plugin = await run_in_threadpool(call.services.channels.trial, body.plugin, body.config, body.connection)
    await plugin.check()
    return {"ok": True}


@router.post("/channels/{channel}/check")
async def check_channel(channel: str, call: Manage) -> Json:
    """Check that the channel can be used."""
    plugin = await run_in_threadpool(call.services.channels.build, call.scope, channel)
    await plugin.check()
    return {"ok": True}


@router.patch("/channels/{channel}")
def update_channel(channel: str, body: ChannelChangeIn, call: Manage) -> Json:
    """Change a channel."""
    channels = call.services.channels
    row = channels.update(call.actor, call.scope, channel, **dict(body))
    return shown(row, config=channels.shown(row))


@router.delete("/channels/{channel}", status_code=204)
def delete_channel(channel: str, call: Manage) -> None:
    """Remove a channel that nothing uses."""
    call.services.channels.delete(call.actor, call.scope, channel)


@router.get("/alerts")
def list_alerts(call: Read) -> Json:
    """The alerts of an Application."""
    rows = call.services.alerts.list(call.scope)
    return items([shown(alert, channels=channels) for alert, channels in rows], dict)


@router.post("/alerts", status_code=201)
def create_alert(
    body: AlertIn,
    call: Annotated[Call, allow(Permission.ALERT_MANAGE, creates="alerts", unless="product_wide")],
) -> Json:
    """Make an alert."""
    alerts = call.services.alerts
    return shown(
        idempotent(
            lambda: alerts.create_alert(call.actor, call.scope, **body.given()),
            lambda ident: find_created((a for a, _ in alerts.list(call.scope)), ident, "alert"),
        )
    )


@router.patch("/alerts/{alert}")
def update_alert(alert: str, body: AlertChangeIn, call: Manage) -> Json:
    """Change an alert, or switch it off and on."""
    return shown(call.services.alerts.update_alert(call.actor, call.scope, alert, **body.given()))


@router.delete("/alerts/{alert}", status_code=204)
def delete_alert(alert: str, call: Manage) -> None:
    """Remove an alert."""
    call.services.alerts.delete_alert(call.actor, call.scope, alert)


@router.get("/notifications")
def list_notifications(
    call: Read, turn: Page, status: Annotated[str | None, Query(max_length=16)] = None
) -> Json:
    """What was sent to which channel, newest first."""
    return turn.rows(partial(call.services.alerts.notifications, call.scope, status))


@router.get("/incidents")
def list_incidents(call: Read, turn: Page, closed: bool = False) -> Json:
    """The troubles that an alert escalates: those that are open, or those that are over; newest first."""
    return turn.rows(partial(call.services.incidents.list, call.scope), closed=closed)


@objects.post("/incidents/{incident_id}/acknowledge")
def acknowledge_incident(
    incident_id: str, body: AcknowledgeIn, call: Annotated[Call, allow(Permission.INCIDENT_ACKNOWLEDGE)]
) -> Json:
    """See to it: nobody else is told from now on."""
    return shown(call.services.incidents.acknowledge(call.actor, incident_id, body.comment))


@objects.post("/notifications/{notification_id}/replay", status_code=202)
def replay_notification(
    notification_id: str, call: Annotated[Call, allow(Permission.NOTIFICATION_REPLAY)]
) -> Json:
    """Send a message once more."""
    return shown(call.services.alerts.replay(call.actor, notification_id))
