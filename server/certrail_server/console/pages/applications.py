"""Applications: those that the reader may see, and what one of them is about."""

from datetime import timedelta
from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail.domain.search import CertificateFilter
from certrail_server.api.answers.alerting import incident_answers
from certrail_server.api.answers.catalog import application_answers
from certrail_server.api.answers.certificates import certificate_answers
from certrail_server.api.answers.delivery import delivery_answers
from certrail_server.api.answers.requests import request_answers
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage
from certrail_server.console.page import Page, page_router
from certrail_server.console.timeline import expiry_chart, happened

router = page_router("/applications")
FEW = 5


@router.get("")
def list_applications(
    request: Request, call: Annotated[Call, allow(Permission.APPLICATION_LIST)]
) -> Response:
    """The Applications that the reader may see, by slug."""
    rows = call.services.applications.visible_to(call.actor)
    reach = call.services.principals.reach(call.actor)
    readable = reach.where(Permission.APPLICATION_READ)
    legacy = (readable is None or None in readable) and call.services.placements.has_any()
    return Page(request, call).render(
        "applications/list.html",
        applications=application_answers(call.services, rows),
        roles=reach.roles,
        legacy=legacy,
    )


@router.get("/{application}")
def get_application(request: Request, call: Annotated[Call, allow(Permission.APPLICATION_READ)]) -> Response:
    """What goes on in one Application."""
    services, here = call.services, [call.application]
    page = ApplicationPage(request, call)
    now = page.now
    soon = CertificateFilter(expires_after=now, expires_before=now + timedelta(days=90))
    ending = (
        services.inventory.search(call.application, soon, limit=FEW) if page.may("certificate:read") else []
    )
    incidents = services.incidents.open_in(here, FEW) if page.may("alert:read") else []
    failing = services.deliveries.unsuccessful_in(here, FEW) if page.may("sync:read") else []
    requests = services.requests.list(call.application, limit=FEW) if page.may("request:read") else []
    events = services.audit_log.newest(here, limit=12) if page.may("event:read") else []
    return page.render(
        "applications/show.html",
        chart=expiry_chart(
            services, here if page.may("certificate:read") else (), now, f"{page.base}/certificates"
        ),
        ending=certificate_answers(services, ending),
        incidents=incident_answers(services, incidents),
        failing=delivery_answers(services, failing),
        requests=request_answers(services, requests),
        events=happened(services, events),
    )
