"""Certificate requests: ask, watch, cancel, retry."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.services.issuance.state import FINAL
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.shapes import RequestIn
from certrail_server.api.views import Json, shown

router = APIRouter(tags=["certificate requests"])
scoped = APIRouter(prefix="/certificate-requests", tags=["certificate requests"])

LONGEST_WAIT = 60
LOOK_SECONDS = 0.2


@scoped.post("", status_code=202)
def create_request(
    body: RequestIn, response: Response, call: Annotated[Call, allow(Permission.REQUEST_CREATE)]
) -> Json:
    """Ask for a certificate. The answer says that the request is kept, not that it is decided."""
    requests = call.services.requests
    row = idempotent(
        lambda: requests.submit(
            call.actor,
            call.scope,
            profile=body.profile,
            content=body.content(),
            attributes=body.metadata,
        ),
        requests.get,
    )
    response.headers["Location"] = f"/api/v1/certificate-requests/{row.id}"
    return _view(call, row.id)


@scoped.get("")
def list_requests(
    call: Annotated[Call, allow(Permission.REQUEST_READ)],
    turn: Page,
    status: Annotated[str | None, Query(max_length=32)] = None,
) -> Json:
    """Requests of an Application, newest first."""
    return turn.of(partial(call.services.requests.list, call.scope), status=status)


@router.get("/certificate-requests/{request_id}")
async def get_request(
    request_id: str,
    call: Annotated[Call, allow(Permission.REQUEST_READ)],
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="seconds")] = 0,
) -> Json:
    """One request; with `wait` the answer comes when it is decided, or after that many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        view = await run_in_threadpool(_view, call, request_id)
        if view["status"] in FINAL or loop.time() >= deadline:
            return view
        await asyncio.sleep(LOOK_SECONDS)


@router.post("/certificate-requests/{request_id}/cancel")
def cancel_request(request_id: str, call: Annotated[Call, allow(Permission.REQUEST_CANCEL)]) -> Json:
    """Withdraw a request that waits for approval; an Operator only their own."""
    return shown(call.services.requests.cancel(call.actor, request_id))


@router.post("/certificate-requests/{request_id}/retry", status_code=202)
def retry_request(request_id: str, call: Annotated[Call, allow(Permission.REQUEST_RETRY)]) -> Json:
    """Try a failed request again. An approval that was given holds; what nobody was asked about may be asked now."""
    return shown(call.services.requests.retry(call.actor, request_id))


def _view(call: Call, request_id: str) -> Json:
    approval = call.services.approvals.of_request(request_id)
    return shown(
        call.services.requests.get(request_id), approval_request_id=approval.id if approval else None
    )
