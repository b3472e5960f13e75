"""Calls: approvals.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of, scoped
from certrail_client.models.approvals import ApprovalPolicyChangeIn, ApprovalPolicyIn, VoteIn


def list_approvals(
    application: str, *, status: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Json]:
    """The approvals of an Application, newest first."""
    path = path_of(PREFIX + "/applications/{application}/approval-requests", application=application)
    return Call("GET", path, Json, query={"status": status, "cursor": cursor, "limit": limit})


def my_approvals(
    *, status: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Json]:
    """The approvals that ask the caller, or that the caller asked for; newest first."""
    path = path_of(PREFIX + "/approval-requests")
    return Call("GET", path, Json, query={"status": status, "cursor": cursor, "limit": limit})


def get_approval(approval_id: str) -> Call[Json]:
    """One approval with its votes."""
    path = path_of(PREFIX + "/approval-requests/{approval_id}", approval_id=approval_id)
    return Call("GET", path, Json)


def vote(approval_id: str, body: VoteIn) -> Call[Json]:
    """Approve or reject; a rejection says why."""
    path = path_of(PREFIX + "/approval-requests/{approval_id}/votes", approval_id=approval_id)
    return Call("POST", path, Json, body=body, idempotent=True)


def list_approval_policies(application: str | None) -> Call[Json]:
    """The approval policies of an Application."""
    path = scoped(application, "/approval-policies")
    return Call("GET", path, Json)


def create_approval_policy(application: str | None, body: ApprovalPolicyIn) -> Call[Json]:
    """Guard profiles with steps of approval."""
    path = scoped(application, "/approval-policies")
    return Call("POST", path, Json, body=body, idempotent=True)


def update_approval_policy(application: str | None, policy: str, body: ApprovalPolicyChangeIn) -> Call[Json]:
    """Change a policy; approvals that run keep the one they began under."""
    path = scoped(application, "/approval-policies/{policy}", policy=policy)
    return Call("PATCH", path, Json, body=body)


def delete_approval_policy(application: str | None, policy: str) -> Call[None]:
    """Remove a policy; approvals that run under it are cancelled."""
    path = scoped(application, "/approval-policies/{policy}", policy=policy)
    return Call("DELETE", path, type(None))
