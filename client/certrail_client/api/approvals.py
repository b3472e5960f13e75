"""Calls: approvals.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.approvals import (
    ApprovalPolicyChangeIn,
    ApprovalPolicyIn,
    ApprovalPolicyList,
    ApprovalPolicyOut,
    ApprovalRequestList,
    ApprovalRequestOut,
    ApprovalRequestWithVotesOut,
    ApprovalStatus,
    VoteIn,
    VoteOut,
)


def list_approval_requests(
    application: str,
    *,
    status: ApprovalStatus | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[ApprovalRequestList, ApprovalRequestOut]:
    """The approval requests of an Application, newest first."""
    path = path_of(PREFIX + "/applications/{application}/approval-requests", application=application)
    return PagedCall(
        "GET",
        path,
        ApprovalRequestList,
        query={"status": status, "cursor": cursor, "limit": limit},
        position="cursor",
    )


def list_my_approval_requests(
    *, status: ApprovalStatus | None = None, cursor: str | None = None, limit: int | None = None
) -> PagedCall[ApprovalRequestList, ApprovalRequestOut]:
    """The approval requests in which the caller may vote, or that the caller submitted; newest first."""
    path = path_of(PREFIX + "/approval-requests")
    return PagedCall(
        "GET",
        path,
        ApprovalRequestList,
        query={"status": status, "cursor": cursor, "limit": limit},
        position="cursor",
    )


def get_approval_request(approval_id: str) -> Call[ApprovalRequestWithVotesOut]:
    """One approval request with everything that votes on it are bound to, and its votes."""
    path = path_of(PREFIX + "/approval-requests/{approval_id}", approval_id=approval_id)
    return Call("GET", path, ApprovalRequestWithVotesOut)


def cast_vote(approval_id: str, body: VoteIn) -> Call[VoteOut]:
    """Approve or reject; a rejection says why. With its digest, a vote counts for the content that was
    read only.
    """
    path = path_of(PREFIX + "/approval-requests/{approval_id}/votes", approval_id=approval_id)
    return Call("POST", path, VoteOut, body=body, idempotent=True)


def list_approval_policies(application: str | None) -> PagedCall[ApprovalPolicyList, ApprovalPolicyOut]:
    """The approval policies of an Application, by slug."""
    path = scoped(application, "/approval-policies")
    return PagedCall("GET", path, ApprovalPolicyList, position="cursor")


def create_approval_policy(application: str | None, body: ApprovalPolicyIn) -> Call[ApprovalPolicyOut]:
    """Guard profiles with steps of approval."""
    path = scoped(application, "/approval-policies")
    return Call("POST", path, ApprovalPolicyOut, body=body, idempotent=True)


def get_approval_policy(application: str | None, policy: str) -> Call[ApprovalPolicyOut]:
    """One approval policy."""
    path = scoped(application, "/approval-policies/{policy}", policy=policy)
    return Call("GET", path, ApprovalPolicyOut)


def update_approval_policy(
    application: str | None, policy: str, body: ApprovalPolicyChangeIn
) -> Call[ApprovalPolicyOut]:
    """Change a policy; approvals that are open keep the one they began under."""
    path = scoped(application, "/approval-policies/{policy}", policy=policy)
    return Call("PATCH", path, ApprovalPolicyOut, body=body)


def delete_approval_policy(application: str | None, policy: str) -> Call[None]:
    """Delete a policy; approvals that are open under it are cancelled."""
    path = scoped(application, "/approval-policies/{policy}", policy=policy)
    return Call("DELETE", path, type(None))
