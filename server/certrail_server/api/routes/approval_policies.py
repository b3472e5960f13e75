"""Approval policies."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.services.approvals.policies import Step
from certrail_server.api.approval_shapes import ApprovalPolicyChangeIn, ApprovalPolicyIn, StepIn
from certrail_server.api.guard import Call, allow, find_created, idempotent
from certrail_server.api.views import Json, items, shown

router = APIRouter(prefix="/approval-policies", tags=["approvals"])
Read = Annotated[Call, allow(Permission.APPROVAL_POLICY_READ)]
Manage = Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE)]


@router.get("")
def list_approval_policies(call: Read) -> Json:
    """The approval policies of an Application."""
    rows = call.services.approval_policies.list(call.scope)
    return items([shown(policy, profiles=profiles) for policy, profiles in rows], dict)


@router.post("", status_code=201)
def create_approval_policy(
    body: ApprovalPolicyIn,
    call: Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE, creates="approval-policies")],
) -> Json:
    """Guard profiles with steps of approval."""
    policies = call.services.approval_policies
    steps, values = _steps(body.steps), body.model_dump(exclude={"steps"})
    return shown(
        idempotent(
            lambda: policies.create(call.actor, call.scope, steps=steps, **values),
            lambda ident: find_created((p for p, _ in policies.list(call.scope)), ident, "approval policy"),
        )
    )


@router.patch("/{policy}")
def update_approval_policy(policy: str, body: ApprovalPolicyChangeIn, call: Manage) -> Json:
    """Change a policy; approvals that run keep the one they began under."""
    steps = _steps(body.steps) if body.steps is not None else None
    values = body.model_dump(exclude={"steps"})
    policies = call.services.approval_policies
    return shown(policies.update(call.actor, call.scope, policy, steps=steps, **values))


@router.delete("/{policy}", status_code=204)
def delete_approval_policy(policy: str, call: Manage) -> None:
    """Remove a policy; approvals that run under it are cancelled."""
    call.services.approval_policies.delete(call.actor, call.scope, policy)


def _steps(given: Sequence[StepIn]) -> list[Step]:
    return [Step(s.name, tuple(s.approvers), s.quorum, tuple(s.channels)) for s in given]
