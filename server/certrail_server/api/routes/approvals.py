"""Approval policies, approval requests and votes."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.services.approval_policies import Step
from certrail_server.api.guard import Call, allow, once
from certrail_server.api.shapes import ApprovalPolicyChangeIn, ApprovalPolicyIn, StepIn, VoteIn
from certrail_server.api.views import Json, items, shown

router = APIRouter(tags=["approvals"])


@router.get("/applications/{application}/approval-policies")
def list_policies(call: Annotated[Call, allow(Permission.APPROVAL_POLICY_READ)]) -> Json:
    """The approval policies of an Application."""
    rows = call.services.approval_policies.list(call.application)
    return items([shown(policy, profiles=profiles) for policy, profiles in rows], dict)


@router.post("/applications/{application}/approval-policies", status_code=201)
def create_policy(
    body: ApprovalPolicyIn, call: Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE)]
) -> Json:
    """Guard profiles with steps of approval."""
    policies = call.services.approval_policies
    steps, values = _steps(body.steps), body.model_dump(exclude={"steps"})
    return shown(
        once(
            lambda: policies.create(call.actor, call.application, steps=steps, **values),
            lambda ident: next(p for p, _ in policies.list(call.application) if p.id == ident),
        )
    )


@router.patch("/applications/{application}/approval-policies/{policy}")
def update_policy(
    policy: str,
    body: ApprovalPolicyChangeIn,
    call: Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE)],
) -> Json:
    """Change a policy; approvals that run keep the one they began under."""
    steps = _steps(body.steps) if body.steps is not None else None
    values = body.model_dump(exclude={"steps"})
    policies = call.services.approval_policies
    return shown(policies.update(call.actor, call.application, policy, steps=steps, **values))


@router.delete("/applications/{application}/approval-policies/{policy}", status_code=204)
def delete_policy(policy: str, call: Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE)]) -> None:
    """Remove a policy; approvals that run under it are cancelled."""
    call.services.approval_policies.delete(call.actor, call.application, policy)


@router.get("/applications/{application}/approval-requests")
def list_approvals(
    call: Annotated[Call, allow(Permission.APPROVAL_READ)],
    status: Annotated[str | None, Query(max_length=16)] = None,
) -> Json:
    """The approvals of an Application, newest first."""
    return items(call.services.approvals.list(call.actor, application_id=call.application, status=status))


@router.get("/approval-requests")
def my_approvals(
    call: Annotated[Call, allow(Permission.APPROVAL_VOTE)],
    status: Annotated[str | None, Query(max_length=16)] = None,
) -> Json:
    """The approvals that ask the caller, or that the caller asked for."""
    return items(call.services.approvals.list(call.actor, status=status))


@router.get("/approval-requests/{approval_id}")
def get_approval(approval_id: str, call: Annotated[Call, allow(Permission.APPROVAL_READ)]) -> Json:
    """One approval with its votes."""
    row, votes = call.services.approvals.get(approval_id)
    return shown(row, votes=[shown(vote) for vote in votes])


@router.post("/approval-requests/{approval_id}/votes", status_code=201)
def vote(approval_id: str, body: VoteIn, call: Annotated[Call, allow(Permission.APPROVAL_VOTE)]) -> Json:
    """Approve or reject; a rejection says why."""
    approvals = call.services.approvals
    cast = once(
        lambda: approvals.vote(call.actor, approval_id, body.decision, body.comment), approvals.cast_before
    )
    return shown(cast)


def _steps(given: Sequence[StepIn]) -> list[Step]:
    return [Step(s.name, tuple(s.approvers), s.quorum, tuple(s.channels)) for s in given]
