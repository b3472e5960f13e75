"""Approval requests and votes."""

from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.services.approvals.queries import About
from certrail_server.api.approval_shapes import VoteIn
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.views import Json, shown

router = APIRouter(tags=["approvals"])


@router.get("/applications/{application}/approval-requests")
def list_approvals(
    call: Annotated[Call, allow(Permission.APPROVAL_READ)],
    turn: Page,
    status: Annotated[str | None, Query(max_length=16)] = None,
) -> Json:
    """The approvals of an Application, newest first."""
    approvals = call.services.approvals
    return turn.rows(
        lambda **given: approvals.about(approvals.list(call.application, **given)), _seen, status=status
    )


@router.get("/approval-requests")
def my_approvals(
    call: Annotated[Call, allow(Permission.APPROVAL_VOTE)],
    turn: Page,
    status: Annotated[str | None, Query(max_length=16)] = None,
) -> Json:
    """The approvals that ask the caller, or that the caller asked for; newest first."""
    approvals = call.services.approvals
    return turn.rows(
        lambda **given: approvals.about(approvals.inbox(call.actor, **given)), _seen, status=status
    )


@router.get("/approval-requests/{approval_id}")
def get_approval(approval_id: str, call: Annotated[Call, allow(Permission.APPROVAL_READ)]) -> Json:
    """One approval with its votes."""
    row, votes = call.services.approvals.get(approval_id)
    (found,) = call.services.approvals.about([row])
    return {**_seen(found), "votes": [shown(vote) for vote in votes]}


@router.post("/approval-requests/{approval_id}/votes", status_code=201)
def vote(approval_id: str, body: VoteIn, call: Annotated[Call, allow(Permission.APPROVAL_VOTE)]) -> Json:
    """Approve or reject; a rejection says why."""
    approvals = call.services.approvals
    cast = idempotent(
        lambda: approvals.vote(call.actor, approval_id, body.decision, body.comment), approvals.cast_before
    )
    return shown(cast)


def _seen(about: About) -> Json:
    row, application, names = about
    return shown(row, application=application, names=names)
