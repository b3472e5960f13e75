"""The page that is opened in the morning: what waits for the reader, what is wrong, what ends soon, what happened."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from fastapi import Query, Request, Response

from certrail.domain.access import Permission
from certrail.domain.states import ApprovalStatus, DeliveryStatus
from certrail.services.access.reach import Scopes
from certrail_server.api.answers.approvals import shown_answers
from certrail_server.api.answers.delivery import delivery_answers
from certrail_server.api.guard import Call, allow
from certrail_server.api.schemas.alerts import IncidentOut
from certrail_server.console.forms import form_of
from certrail_server.console.health import unhealthy
from certrail_server.console.page import Page, page_router
from certrail_server.console.timeline import expiry_chart, happened

router = page_router("")

MOST_IN_PLACE = 5
"""Approvals with their form on this page; the inbox has all."""
FEW = 6
UNSUCCESSFUL = (DeliveryStatus.RETRYING, DeliveryStatus.FAILED)
SHOWN = (
    "approval.",
    "certificate.",
    "delivery.",
    "incident.",
    "request.",
    "application.",
    "channel.",
    "plugin.",
)
"""How the types of events begin that change something on this page."""
TYPES = (
    "certificate.issued",
    "certificate.renewed",
    "certificate.imported",
    "certificate.revoked",
    "certificate.held",
    "certificate.renewal_failed",
    "certificate.expiring",
    "delivery.delivered",
    "delivery.failed",
    "delivery.recovered",
    "delivery.drift_detected",
    "delivery.removed",
    "approval.opened",
    "approval.approved",
    "approval.rejected",
    "request.failed",
    "request.refused",
    "incident.acknowledged",
    "incident.escalated",
    "application.created",
)
"""Events that a person wants to know of; the record of each Application has all."""


@router.get("")
def get_today(
    request: Request,
    call: Annotated[Call, allow(Permission.APPLICATION_LIST)],
    application: Annotated[str, Query(max_length=64)] = "",
    authority: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What waits, what is wrong, what ends soon, what happened: in all Applications of the reader.

    What ends soon may be that of one Application, or of one authority.
    """
    services, page = call.services, Page(request, call)
    reach = services.principals.reach(call.actor)
    inbox = services.approvals.inbox(call.actor, status=ApprovalStatus.OPEN, limit=MOST_IN_PLACE * 5 + 1)
    shown = services.approvals.shown_all(inbox[: MOST_IN_PLACE * 5])
    mine = [each for each in shown if call.actor.principal_id in each.ballot.voter_ids]
    incidents = services.incidents.open_in(reach.where(Permission.ALERT_READ), FEW + 1)
    late = services.deliveries.wrong_in(reach.where(Permission.SYNC_READ), FEW + 1)
    deliveries = delivery_answers(services, late)
    readable = reach.where(Permission.CERTIFICATE_READ)
    where, application, path = _chosen(call, readable, application)
    events = reach.where(Permission.EVENT_READ)
    named = None if events is None else [ident for ident in events if ident is not None]
    return page.render(
        "today/show.html",
        waiting=shown_answers(services, mine[:MOST_IN_PLACE]),
        waiting_count=len(mine),
        requested=[each.about for each in shown if each not in mine],
        more_waiting=len(inbox) > MOST_IN_PLACE * 5 or len(mine) > MOST_IN_PLACE,
        incidents=[IncidentOut.about(row, {}) for row in incidents],
        acknowledgeable=_within(incidents, reach.where(Permission.INCIDENT_ACKNOWLEDGE)),
        failing=[each for each in deliveries if each.status in UNSUCCESSFUL],
        few=FEW,
        hung=[each for each in deliveries if each.status not in UNSUCCESSFUL],
        chart=expiry_chart(services, where, page.now, path, authority),
        chosen_application=application,
        chosen_authority=authority,
        events=happened(services, services.audit_log.newest(named, TYPES, 14)),
        unhealthy=unhealthy(services, reach),
        live="/console/changes",
        has_applications=bool(reach.roles) or readable is None,
    )


@router.get("/changes")
def get_changes(
    request: Request,
    call: Annotated[Call, allow(Permission.APPLICATION_LIST)],
    after: Annotated[int, Query(ge=0, le=2**53)],
) -> Response:
    """A stream that says when something happened in an Application of the reader."""
    scopes = call.services.principals.reach(call.actor).where(Permission.APPLICATION_READ)

    def concerned(row: Any) -> bool:
        here = scopes is None or row.application_id in scopes
        return here and row.type.startswith(SHOWN)

    return Page(request, call).changes(concerned, after)


def _chosen(call: Call, readable: Scopes, application: str) -> tuple[Scopes, str, str | None]:
    """Where ends are looked for, the Application that was chosen, and the list that they lead to.

    What cannot be read is no choice.
    """
    ident = call.services.applications.id_of(application) if application else None
    if ident is not None and (readable is None or ident in readable):
        return [ident], application, f"/console/applications/{application}/certificates"
    return readable, "", "/console/certificates" if readable is None else None


def _within(incidents: Sequence[Any], scopes: Scopes) -> Collection[str]:
    """The ids of those that belong where the reader may do something."""
    return {row.id for row in incidents if scopes is None or row.application_id in scopes}


@router.post("/incidents/{incident_id}/acknowledge", openapi_extra={"offers": "acknowledge_incident"})
def acknowledge(
    request: Request, incident_id: str, call: Annotated[Call, allow(Permission.INCIDENT_ACKNOWLEDGE)]
) -> Response:
    """Say that somebody works on an incident, so that nobody else is notified of it."""
    call.services.incidents.acknowledge(call.actor, incident_id, form_of(request).get("comment")[:500])
    return Page(request, call).go_back("/console", "acknowledged")
