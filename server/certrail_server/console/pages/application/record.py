"""The record of an Application: every event, newest first."""

from typing import Annotated

from fastapi import Query, Request, Response

from certrail.domain.access import Permission
from certrail.domain.events import EVENTS
from certrail.services.access.viewed_lists import ViewedList
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage
from certrail_server.console.page import page_router
from certrail_server.console.pages.saved_views import views_of
from certrail_server.console.timeline import happened

router = page_router("/applications/{application}/record")
LIMIT = 50


@router.get("")
def list_events(
    request: Request,
    call: Annotated[Call, allow(Permission.EVENT_READ)],
    type: Annotated[str, Query(max_length=64)] = "",
    before: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """A page of events; `before` is the `seq` of the last one of the page before."""
    services = call.services
    chosen = type if type in EVENTS else ""
    rows = services.audit_log.newest(
        [call.application], [chosen] if chosen else (), LIMIT + 1, before=before or None
    )
    return ApplicationPage(request, call).render(
        "record/list.html",
        block="list",
        events=happened(services, rows[:LIMIT]),
        earlier=rows[LIMIT - 1].seq if len(rows) > LIMIT else None,
        first=not before,
        chosen=chosen,
        types=sorted(EVENTS),
        views=views_of(call, ViewedList.EVENTS, {"type": chosen}, request.path_params["application"]),
    )
