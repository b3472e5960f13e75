"""Revocation requests: what became of a revocation that an approval policy guards."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.states import RevocationStatus
from certrail_server.api.answers.revocations import revocation_answer, revocation_answers
from certrail_server.api.guard import Call, allow
from certrail_server.api.pages import Page
from certrail_server.api.routes.requests import LONGEST_WAIT
from certrail_server.api.schemas.revocations import RevocationRequestList, RevocationRequestOut

router = APIRouter(tags=["certificates"])
scoped = APIRouter(prefix="/revocation-requests", tags=["certificates"])


@scoped.get("")
def list_revocation_requests(
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)],
    turn: Page,
    status: Annotated[RevocationStatus | None, Query(description="Only requests of this status.")] = None,
) -> RevocationRequestList:
    """Revocation requests of an Application, newest first."""
    read = partial(call.services.revocation.list, call.scope)
    return turn.of(RevocationRequestList, read, partial(revocation_answers, call.services), status=status)


@router.get("/revocation-requests/{revocation_id}")
async def get_revocation_request(
    request: Request,
    revocation_id: str,
    call: Annotated[Call, allow(Permission.CERTIFICATE_READ)],
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for the end (long poll).")
    ] = 0,
) -> RevocationRequestOut:
    """One revocation request; with `wait` the answer comes when it is final, or after that many seconds."""
    read = partial(call.services.revocation.get, revocation_id)
    row = await run_in_threadpool(read)
    if wait and not RevocationStatus(row.status).final:
        await request.app.state.polls.wait(
            request.receive, call.actor.principal_id, "revocation", revocation_id, wait
        )
        row = await run_in_threadpool(read)
    return await run_in_threadpool(revocation_answer, call.services, row)


@router.post("/revocation-requests/{revocation_id}/cancel")
def cancel_revocation_request(
    revocation_id: str, call: Annotated[Call, allow(Permission.CERTIFICATE_REVOKE)]
) -> RevocationRequestOut:
    """Withdraw a revocation request that waits for approval; an Operator only their own."""
    return revocation_answer(call.services, call.services.revocation.cancel(call.actor, revocation_id))
