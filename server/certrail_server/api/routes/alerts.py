"""Alerts and incidents."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail_server.api.answers.alerting import (
    alert_answer,
    alert_answers,
    incident_answer,
    incident_answers,
)
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.schemas.alerts import (
    AcknowledgeIn,
    AlertChangeIn,
    AlertIn,
    AlertList,
    AlertOut,
    IncidentList,
    IncidentOut,
)

scoped = APIRouter(tags=["alerts"])
router = APIRouter(tags=["alerts"])
Read = Annotated[Call, allow(Permission.ALERT_READ)]
Manage = Annotated[Call, allow(Permission.ALERT_MANAGE)]


@scoped.get("/alerts")
def list_alerts(call: Read) -> AlertList:
    """The alerts of an Application, by slug."""
    return AlertList(items=alert_answers(call.services, call.services.alerts.list(call.scope)))


@scoped.post("/alerts", status_code=201)
def create_alert(
    body: AlertIn,
    call: Annotated[Call, allow(Permission.ALERT_MANAGE, creates="alerts", unless="product_wide")],
) -> AlertOut:
    """Create an alert."""
    alerts = call.services.alerts
    made = idempotent(
        lambda: alerts.create_alert(call.actor, call.scope, **body.values()).id, lambda ident: ident
    )
    return alert_answer(call.services, alerts.get(call.scope, made))


@scoped.get("/alerts/{alert}")
def get_alert(alert: str, call: Read) -> AlertOut:
    """One alert."""
    return alert_answer(call.services, call.services.alerts.get(call.scope, alert))


@scoped.patch("/alerts/{alert}")
def update_alert(alert: str, body: AlertChangeIn, call: Manage) -> AlertOut:
    """Change an alert, or switch it off and on."""
    alerts = call.services.alerts
    row = alerts.update_alert(call.actor, call.scope, alert, **body.values())
    return alert_answer(call.services, alerts.get(call.scope, row.id))


@scoped.delete("/alerts/{alert}", status_code=204)
def delete_alert(alert: str, call: Manage) -> None:
    """Delete an alert."""
    call.services.alerts.delete_alert(call.actor, call.scope, alert)


@scoped.get("/incidents")
def list_incidents(
    call: Read,
    turn: Page,
    closed: Annotated[bool, Query(description="True for those that are resolved.")] = False,
) -> IncidentList:
    """The incidents that are open, or those that are resolved; newest first."""
    read = partial(call.services.incidents.list, call.scope)
    return turn.of(IncidentList, read, partial(incident_answers, call.services), closed=closed)


@router.get("/incidents/{incident_id}")
def get_incident(incident_id: str, call: Read) -> IncidentOut:
    """One incident."""
    return incident_answer(call.services, call.services.incidents.get(incident_id))


@router.post("/incidents/{incident_id}/acknowledge")
def acknowledge_incident(
    incident_id: str, body: AcknowledgeIn, call: Annotated[Call, allow(Permission.INCIDENT_ACKNOWLEDGE)]
) -> IncidentOut:
    """Acknowledge an incident: nobody else is notified from now on."""
    row = call.services.incidents.acknowledge(call.actor, incident_id, body.comment)
    return incident_answer(call.services, row)
