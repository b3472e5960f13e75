"""Approval requests and votes."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.domain.states import ApprovalStatus
from certrail_server.api.answers.approvals import approval_answer, approval_answers, vote_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.pages import Page
from certrail_server.api.schemas.approvals import (
    ApprovalRequestList,
    ApprovalRequestWithVotesOut,
    VoteIn,
    VoteOut,
)

router = APIRouter(tags=["approvals"])
Status = Annotated[ApprovalStatus | None, Query(description="Only approval requests of this status.")]


@router.get("/applications/{application}/approval-requests")
def list_approval_requests(
    call: Annotated[Call, allow(Permission.APPROVAL_READ)], turn: Page, status: Status = None
) -> ApprovalRequestList:
    """The approval requests of an Application, newest first."""
    approvals = call.services.approvals
    return turn.of(
        ApprovalRequestList,
        lambda **given: approvals.about(approvals.list(call.application, **given)),
        partial(approval_answers, call.services),
        status=status,
    )


@router.get("/approval-requests")
def list_my_approval_requests(
    call: Annotated[Call, allow(Permission.APPROVAL_VOTE)], turn: Page, status: Status = None
) -> ApprovalRequestList:
    """The approval requests in which the caller may vote, or that the caller submitted; newest first."""
    approvals = call.services.approvals
    return turn.of(
        ApprovalRequestList,
        lambda **given: approvals.about(approvals.inbox(call.actor, **given)),
        partial(approval_answers, call.services),
        status=status,
    )


@router.get("/approval-requests/{approval_id}")
def get_approval_request(
    approval_id: str, call: Annotated[Call, allow(Permission.APPROVAL_READ)]
) -> ApprovalRequestWithVotesOut:
    """One approval request with everything that votes on it are bound to, and its votes."""
    return approval_answer(call.services, call.services.approvals.shown(approval_id))


@router.post("/approval-requests/{approval_id}/votes", status_code=201)
def cast_vote(
    approval_id: str, body: VoteIn, call: Annotated[Call, allow(Permission.APPROVAL_VOTE)]
) -> VoteOut:
    """Approve or reject; a rejection says why. With its digest, a vote counts for the content that was read only."""
    approvals = call.services.approvals
    cast = idempotent(
        lambda: approvals.vote(call.actor, approval_id, body.decision, body.comment, digest=body.digest),
        approvals.cast_before,
    )
    (answer,) = vote_answers(call.services, [cast])
    return answer
