"""Certificate requests: what each asks for, where it is, and who must act."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from certrail.domain.access import Permission
from certrail.domain.states import RequestStatus
from certrail.services.access.viewed_lists import ViewedList
from certrail.services.issuance.state import FINAL
from certrail_server.api.answers.requests import request_answer, request_answers
from certrail_server.api.guard import Call, allow
from certrail_server.api.pages import decode_cursor, page
from certrail_server.api.schemas.requests import CertificateRequestList
from certrail_server.console.application import ApplicationPage
from certrail_server.console.defaults import differences
from certrail_server.console.page import Page, page_router
from certrail_server.console.pages.saved_views import views_of
from certrail_server.console.timeline import happened

router = page_router("")
LIMIT = 50
MOST_EVENTS = 30


@router.get("/applications/{application}/requests")
def list_requests(
    request: Request,
    call: Annotated[Call, allow(Permission.REQUEST_READ)],
    status: Annotated[str, Query(max_length=32)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Requests of an Application, newest first."""
    wanted = status if status in list(RequestStatus) else None
    rows = call.services.requests.list(
        call.application, status=wanted, after=decode_cursor(cursor), limit=LIMIT + 1
    )
    found = page(CertificateRequestList, rows, LIMIT, partial(request_answers, call.services))
    return ApplicationPage(request, call).render(
        "requests/list.html",
        block="list",
        requests=found.items,
        next_cursor=found.next_cursor,
        first=cursor is None,
        chosen=wanted or "",
        statuses=[*RequestStatus],
        views=views_of(
            call, ViewedList.REQUESTS, {"status": wanted or ""}, request.path_params["application"]
        ),
    )


@router.get("/requests/{request_id}")
def get_request(
    request: Request, request_id: str, call: Annotated[Call, allow(Permission.REQUEST_READ)]
) -> Response:
    """One request."""
    services, view = call.services, Page(request, call)
    row = services.requests.get(request_id)
    shown = request_answer(services, row)
    profile = services.catalog.profile(row.profile_id)
    waits = row.status == RequestStatus.PENDING_APPROVAL and shown.approval_request_id
    approval = services.approvals.shown(waits) if waits and view.may("approval:read") else None
    events = services.audit_log.about([row.id], MOST_EVENTS) if view.may("event:read") else []
    return view.render(
        "requests/show.html",
        request=shown,
        ballot=approval.ballot if approval else None,
        differs=differences(row.content, profile.defaults, profile.ttl_seconds),
        events=happened(services, events),
        may_cancel=row.status not in FINAL
        and view.may("request:cancel")
        and (row.requester_id == call.actor.principal_id or view.may("member:manage")),
        may_retry=row.status == RequestStatus.FAILED and view.may("request:retry"),
    )


@router.post("/requests/{request_id}/cancel", openapi_extra={"offers": "cancel_certificate_request"})
def cancel(
    request: Request, request_id: str, call: Annotated[Call, allow(Permission.REQUEST_CANCEL)]
) -> Response:
    """Withdraw a request."""
    call.services.requests.cancel(call.actor, request_id)
    return Page(request, call).go_back(f"/console/requests/{request_id}", "request-cancelled")


@router.post("/requests/{request_id}/retry", openapi_extra={"offers": "retry_certificate_request"})
def retry(
    request: Request, request_id: str, call: Annotated[Call, allow(Permission.REQUEST_RETRY)]
) -> Response:
    """Try a failed request again."""
    call.services.requests.retry(call.actor, request_id)
    return Page(request, call).go_back(f"/console/requests/{request_id}", "request-retried")
