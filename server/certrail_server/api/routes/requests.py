"""Certificate requests: submit, watch, cancel, retry."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.states import RequestStatus
from certrail.persistence.tables import Application, Principal
from certrail.services.issuance.state import FINAL
from certrail_server.api.answers.requests import accepted_answer, request_answer, request_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.schemas.requests import (
    CertificateRequestIn,
    CertificateRequestList,
    CertificateRequestOut,
)

router = APIRouter(tags=["certificate requests"])
scoped = APIRouter(prefix="/certificate-requests", tags=["certificate requests"])

LONGEST_WAIT = 60


@scoped.post("", status_code=202)
def create_certificate_request(
    body: CertificateRequestIn,
    response: Response,
    call: Annotated[Call, allow(Permission.REQUEST_CREATE, agents=True)],
) -> CertificateRequestOut:
    """Request a certificate. The answer says that the request is stored, not that it is decided."""
    services, requests = call.services, call.services.requests
    names = services.names.of({Application: [call.scope], Principal: [call.actor.principal_id]})

    def make() -> CertificateRequestOut:
        accepted = requests.accept(
            call.actor,
            call.scope,
            profile=body.profile,
            content=body.content(),
            attributes=body.metadata,
        )
        return accepted_answer(names, accepted)

    answer = idempotent(make, lambda ident: request_answer(services, requests.get(ident)))
    response.headers["Location"] = f"/api/v1/certificate-requests/{answer.id}"
    return answer


@scoped.get("")
def list_certificate_requests(
    call: Annotated[Call, allow(Permission.REQUEST_READ)],
    turn: Page,
    status: Annotated[RequestStatus | None, Query(description="Only requests of this status.")] = None,
) -> CertificateRequestList:
    """Requests of an Application, newest first."""
    read = partial(call.services.requests.list, call.scope)
    return turn.of(CertificateRequestList, read, partial(request_answers, call.services), status=status)


@router.get("/certificate-requests/{request_id}")
async def get_certificate_request(
    request: Request,
    request_id: str,
    call: Annotated[Call, allow(Permission.REQUEST_READ, agents=True)],
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for the decision (long poll).")
    ] = 0,
) -> CertificateRequestOut:
    """One request; with `wait` the answer comes when it is decided, or after that many seconds."""
    read = partial(call.services.requests.get, request_id)
    row = await run_in_threadpool(read)
    if wait and row.status not in FINAL:
        await request.app.state.polls.wait(
            request.receive, call.actor.principal_id, "request", request_id, wait
        )
        row = await run_in_threadpool(read)
    return await run_in_threadpool(request_answer, call.services, row)


@router.post("/certificate-requests/{request_id}/cancel")
def cancel_certificate_request(
    request_id: str, call: Annotated[Call, allow(Permission.REQUEST_CANCEL)]
) -> CertificateRequestOut:
    """Withdraw a request that waits for approval, or is approved and not signed yet; an Operator only their own."""
    return request_answer(call.services, call.services.requests.cancel(call.actor, request_id))


@router.post("/certificate-requests/{request_id}/retry", status_code=202)
def retry_certificate_request(
    request_id: str, call: Annotated[Call, allow(Permission.REQUEST_RETRY)]
) -> CertificateRequestOut:
    """Try a failed request again. An approval that was given holds; where none was needed, one may be needed now.

    The workflow of an approved one is started again, if it has none.
    """
    return request_answer(call.services, call.services.requests.retry(call.actor, request_id))
