"""Channels and notifications."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.domain.states import NotificationStatus
from certrail_server.api.answers.alerting import (
    channel_answer,
    channel_answers,
    notification_answer,
    notification_answers,
)
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.schemas.base import Ok
from certrail_server.api.schemas.channels import (
    ChannelChangeIn,
    ChannelIn,
    ChannelList,
    ChannelOut,
    NotificationList,
    NotificationOut,
    NotifierTrialIn,
)

scoped = APIRouter(tags=["channels"])
router = APIRouter(tags=["channels"])
Read = Annotated[Call, allow(Permission.ALERT_READ)]
Manage = Annotated[Call, allow(Permission.ALERT_MANAGE)]


@scoped.get("/channels")
def list_channels(call: Read) -> ChannelList:
    """The channels of an Application, their secrets masked; by slug."""
    return ChannelList(items=channel_answers(call.services, call.services.channels.list(call.scope)))


@scoped.post("/channels", status_code=201)
def create_channel(
    body: ChannelIn,
    call: Annotated[Call, allow(Permission.ALERT_MANAGE, creates="channels", unless="product_wide")],
) -> ChannelOut:
    """Create a channel."""
    channels = call.services.channels
    row = idempotent(
        lambda: channels.create(call.actor, call.scope, **dict(body)),
        lambda ident: channels.get(call.scope, ident),
    )
    return channel_answer(call.services, row)


@scoped.post("/channels/check")
async def check_notifier(body: NotifierTrialIn, call: Manage) -> Ok:
    """Check a configuration before it is saved."""
    trial = partial(call.services.channels.trial, body.plugin, body.config, body.connection)
    await check_plugin(call.services, f"notifier-{body.plugin}", trial)
    return Ok(ok=True)


@scoped.get("/channels/{channel}")
def get_channel(channel: str, call: Read) -> ChannelOut:
    """One channel, its secrets masked."""
    return channel_answer(call.services, call.services.channels.get(call.scope, channel))


@scoped.post("/channels/{channel}/check")
async def check_channel(channel: str, call: Manage) -> Ok:
    """Check that the channel can be used."""
    build = partial(call.services.channels.build, call.scope, channel)
    await check_plugin(call.services, f"channel {channel}", build)
    return Ok(ok=True)


@scoped.patch("/channels/{channel}")
def update_channel(channel: str, body: ChannelChangeIn, call: Manage) -> ChannelOut:
    """Change a channel."""
    row = call.services.channels.update(call.actor, call.scope, channel, **body.changes())
    return channel_answer(call.services, row)


@scoped.delete("/channels/{channel}", status_code=204)
def delete_channel(channel: str, call: Manage) -> None:
    """Delete a channel that nothing uses."""
    call.services.channels.delete(call.actor, call.scope, channel)


@scoped.get("/notifications")
def list_notifications(
    call: Read,
    turn: Page,
    status: Annotated[
        NotificationStatus | None, Query(description="Only notifications of this status.")
    ] = None,
) -> NotificationList:
    """What was sent to which channel, newest first."""
    read = partial(call.services.alerts.notifications, call.scope, status)
    return turn.of(NotificationList, read, partial(notification_answers, call.services))


@router.get("/notifications/{notification_id}")
def get_notification(notification_id: str, call: Read) -> NotificationOut:
    """One notification."""
    return notification_answer(call.services, call.services.alerts.notification(notification_id))


@router.post("/notifications/{notification_id}/replay", status_code=202)
def replay_notification(
    notification_id: str, call: Annotated[Call, allow(Permission.NOTIFICATION_REPLAY)]
) -> NotificationOut:
    """Send a notification once more, as a new entry."""
    return notification_answer(call.services, call.services.alerts.replay(call.actor, notification_id))
