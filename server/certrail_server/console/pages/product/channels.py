"""Channels and alerts that are about all Applications, and those of the older project."""

from functools import partial
from typing import Annotated

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail_server.api.answers.alerting import alert_answers, channel_answers
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router

router = page_router("/channels")
alerts = page_router("/alerts")


@alerts.post("/{alert}/switch", openapi_extra={"offers": "update_alert_in_legacy_scope"})
def switch(request: Request, alert: str, call: Annotated[Call, allow(Permission.ALERT_MANAGE)]) -> Response:
    """Switch an alert on or off."""
    enabled = form_of(request).get("enabled") == "yes"
    call.services.alerts.update_alert(call.actor, None, alert, enabled=enabled)
    return Page(request, call).go_back("/console/channels", "switched-on" if enabled else "switched-off")


@router.get("")
def list_channels(request: Request, call: Annotated[Call, allow(Permission.ALERT_READ)]) -> Response:
    """The channels and alerts that belong to no Application."""
    services = call.services
    return Page(request, call).render(
        "channels/list.html",
        channels=channel_answers(services, services.channels.list(None)),
        alerts=alert_answers(services, services.alerts.list(None)),
    )


@router.post("/{channel}/check", openapi_extra={"offers": "check_channel_in_legacy_scope"})
async def check(
    request: Request, channel: str, call: Annotated[Call, allow(Permission.ALERT_MANAGE)]
) -> Response:
    """Check that a channel can be used."""
    row = await run_in_threadpool(call.services.channels.get, None, channel)
    build = partial(call.services.channels.build, None, row.id)
    await check_plugin(call.services, f"channel {row.id}", build)
    return Page(request, call).go_back("/console/channels", "checked")
