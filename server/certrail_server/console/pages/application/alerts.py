"""Alerts of an Application: who is notified what, what is open, and what could not be sent."""

from functools import partial
from typing import Annotated

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.states import NotificationStatus
from certrail_server.api.answers.alerting import (
    alert_answers,
    channel_answers,
    incident_answers,
    notification_answers,
)
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage, application_path
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router

router = page_router("")
FEW = 10


@router.get("/applications/{application}/alerts")
def list_alerts(request: Request, call: Annotated[Call, allow(Permission.ALERT_READ)]) -> Response:
    """Incidents, alerts, channels, and notifications that failed."""
    services = call.services
    failed = services.alerts.notifications(call.scope, NotificationStatus.FAILED, limit=FEW)
    return ApplicationPage(request, call).render(
        "alerts/list.html",
        alerts=alert_answers(services, services.alerts.list(call.scope)),
        incidents=incident_answers(services, services.incidents.list(call.scope)),
        channels=channel_answers(services, services.channels.list(call.scope)),
        failed=notification_answers(services, failed),
    )


@router.post("/applications/{application}/alerts/{alert}/switch", openapi_extra={"offers": "update_alert"})
def switch(request: Request, alert: str, call: Annotated[Call, allow(Permission.ALERT_MANAGE)]) -> Response:
    """Switch an alert on or off."""
    enabled = form_of(request).get("enabled") == "yes"
    call.services.alerts.update_alert(call.actor, call.scope, alert, enabled=enabled)
    return _back(request, call, "switched-on" if enabled else "switched-off")


@router.post(
    "/applications/{application}/channels/{channel}/check", openapi_extra={"offers": "check_channel"}
)
async def check(
    request: Request, channel: str, call: Annotated[Call, allow(Permission.ALERT_MANAGE)]
) -> Response:
    """Check that a channel can be used."""
    row = await run_in_threadpool(call.services.channels.get, call.scope, channel)
    build = partial(call.services.channels.build, call.scope, row.id)
    await check_plugin(call.services, f"channel {row.id}", build)
    return _back(request, call, "checked")


@router.post("/notifications/{notification_id}/replay", openapi_extra={"offers": "replay_notification"})
def replay(
    request: Request,
    notification_id: str,
    call: Annotated[Call, allow(Permission.NOTIFICATION_REPLAY)],
) -> Response:
    """Send a notification once more."""
    call.services.alerts.replay(call.actor, notification_id)
    path = f"/console/applications/{call.scope}/alerts" if call.scope else "/console"
    return Page(request, call).go_back(path, "replayed")


def _back(request: Request, call: Call, notice: str) -> Response:
    return Page(request, call).go_back(f"{application_path(request)}/alerts", notice)
