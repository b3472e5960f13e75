"""Approval policies."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail_server.api.answers.approvals import approval_policy_answer, approval_policy_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.approvals import (
    ApprovalPolicyChangeIn,
    ApprovalPolicyIn,
    ApprovalPolicyList,
    ApprovalPolicyOut,
)

router = APIRouter(prefix="/approval-policies", tags=["approvals"])
Read = Annotated[Call, allow(Permission.APPROVAL_POLICY_READ)]
Manage = Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE)]


@router.get("")
def list_approval_policies(call: Read) -> ApprovalPolicyList:
    """The approval policies of an Application, by slug."""
    rows = call.services.approval_policies.list(call.scope)
    return ApprovalPolicyList(items=approval_policy_answers(call.services, rows))


@router.post("", status_code=201)
def create_approval_policy(
    body: ApprovalPolicyIn,
    call: Annotated[Call, allow(Permission.APPROVAL_POLICY_MANAGE, creates="approval-policies")],
) -> ApprovalPolicyOut:
    """Guard profiles with steps of approval."""
    policies = call.services.approval_policies
    made = idempotent(
        lambda: policies.create(call.actor, call.scope, **body.values()).id, lambda ident: ident
    )
    return approval_policy_answer(call.services, policies.get(call.scope, made))


@router.get("/{policy}")
def get_approval_policy(policy: str, call: Read) -> ApprovalPolicyOut:
    """One approval policy."""
    return approval_policy_answer(call.services, call.services.approval_policies.get(call.scope, policy))


@router.patch("/{policy}")
def update_approval_policy(policy: str, body: ApprovalPolicyChangeIn, call: Manage) -> ApprovalPolicyOut:
    """Change a policy; approvals that are open keep the one they began under."""
    policies = call.services.approval_policies
    row = policies.update(call.actor, call.scope, policy, **body.values())
    return approval_policy_answer(call.services, policies.get(call.scope, row.id))


@router.delete("/{policy}", status_code=204)
def delete_approval_policy(policy: str, call: Manage) -> None:
    """Delete a policy; approvals that are open under it are cancelled."""
    call.services.approval_policies.delete(call.actor, call.scope, policy)
