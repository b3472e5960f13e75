"""What the API takes and answers: approvals.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, OpenEnum


class ApprovalPolicyChangeIn(Body):
    """What to change of an approval policy."""

    name: str | None = None
    """Name for people."""
    profiles: list[str] | None = None
    """Replaces the guarded profiles."""
    steps: list[ApprovalStepIn] | None = None
    """Replaces the steps."""
    guards: list[GuardedAction] | None = None
    """Replaces the guarded actions."""
    request_ttl: str | None = None
    """How long an approval is open before it expires; null for ever."""
    reminder: str | None = None
    """How often approvers are reminded; null for never."""
    allow_self_approval: bool | None = None
    """Whether requesters may approve their own."""
    bypass_machine_identities: bool | None = None
    """Whether requests of machine identities need no approval."""
    bypass_enrollment_clients: bool | None = None
    """Whether requests of ACME, EST and SCEP clients, and of agents, need no approval."""
    renewal_preapproval: RenewalPreapproval | None = None
    """Whether one approval counts for later renewals; null for none."""


class ApprovalPolicyIn(Body):
    """An approval policy to create."""

    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    profiles: list[str]
    """Slugs or ids of the certificate profiles that it guards."""
    steps: list[ApprovalStepIn]
    """In their order; each needs its quorum before the next one."""
    guards: list[GuardedAction] | None = None
    """The actions that need approval."""
    request_ttl: str | None = None
    """How long an approval is open before it expires; null for ever."""
    reminder: str | None = None
    """How often approvers are reminded; null for never."""
    allow_self_approval: bool = False
    """Whether requesters may approve their own."""
    bypass_machine_identities: bool = False
    """Whether requests of machine identities need no approval."""
    bypass_enrollment_clients: bool = False
    """Whether requests of ACME, EST and SCEP clients, and of agents, need no approval."""
    renewal_preapproval: RenewalPreapproval | None = None
    """Whether one approval counts for later renewals; null for none."""


class ApprovalPolicyList(Body):
    """Approval policies, by slug."""

    items: list[ApprovalPolicyOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ApprovalPolicyOut(Body):
    """Which profiles need whose approval."""

    id: str
    """Id of the approval policy."""
    created_at: datetime
    """When it was created."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    version: int
    """Counts its changes."""
    profiles: list[str]
    """Slugs of the certificate profiles that it guards."""
    steps: list[ApprovalStepOut]
    """In their order."""
    guards: list[GuardedAction]
    """The actions that need approval."""
    request_ttl: str | None
    """How long an approval is open; null for ever."""
    reminder: str | None
    """How often approvers are reminded."""
    allow_self_approval: bool
    """Whether requesters may approve their own."""
    bypass_machine_identities: bool
    """Whether requests of machine identities need no approval."""
    bypass_enrollment_clients: bool
    """Whether requests of ACME, EST and SCEP clients, and of agents, need no approval."""
    renewal_preapproval: RenewalPreapproval | None
    """Whether one approval counts for later renewals."""


class ApprovalRequestList(Body):
    """Approval requests, newest first."""

    items: list[ApprovalRequestOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ApprovalRequestOut(Body):
    """One run of an approval policy."""

    id: str
    """Id of the approval request."""
    created_at: datetime
    """When it was opened."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    application: str | None
    """Slug of its Application; null in the legacy scope."""
    subject_type: str
    """What is to be approved: a certificate request or a revocation request."""
    subject_id: str
    """Id of what is to be approved."""
    title: str
    """The question; it says so where it is about a certificate authority."""
    authority: bool
    """Whether it is about the certificate of an authority."""
    names: list[str]
    """The names on the certificate that it is about."""
    requester_id: str
    """Id of the principal that submitted it."""
    requester: str
    """Slug of the principal that submitted it."""
    policy_id: str
    """Id of the approval policy."""
    policy: str
    """Slug of the approval policy, as it was when this was opened."""
    policy_version: int
    """Version of the approval policy then."""
    steps: list[ApprovalStepOut]
    """Its steps then."""
    digest: str
    """SHA-256 of the content, which votes are bound to."""
    round: int
    """Starts anew when the content changes."""
    status: ApprovalStatus
    """Whether it is decided."""
    current_step: int
    """The step that is open, from 0."""
    unreachable_step: int | None
    """The first step whose quorum the present members cannot reach."""
    expires_at: datetime | None
    """When it expires."""
    remind_at: datetime | None
    """When approvers are reminded next."""
    decided_at: datetime | None
    """When it was decided."""
    decided_by: str | None
    """Id of the principal whose vote or call decided it."""
    comment: str | None
    """Why it was decided so."""


class ApprovalRequestWithVotesOut(Body):
    """One run of an approval policy, with what its approvers must know, and its votes."""

    id: str
    """Id of the approval request."""
    created_at: datetime
    """When it was opened."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    application: str | None
    """Slug of its Application; null in the legacy scope."""
    subject_type: str
    """What is to be approved: a certificate request or a revocation request."""
    subject_id: str
    """Id of what is to be approved."""
    title: str
    """The question; it says so where it is about a certificate authority."""
    authority: bool
    """Whether it is about the certificate of an authority."""
    names: list[str]
    """The names on the certificate that it is about."""
    requester_id: str
    """Id of the principal that submitted it."""
    requester: str
    """Slug of the principal that submitted it."""
    policy_id: str
    """Id of the approval policy."""
    policy: str
    """Slug of the approval policy, as it was when this was opened."""
    policy_version: int
    """Version of the approval policy then."""
    steps: list[ApprovalStepOut]
    """Its steps then."""
    digest: str
    """SHA-256 of the content, which votes are bound to."""
    round: int
    """Starts anew when the content changes."""
    status: ApprovalStatus
    """Whether it is decided."""
    current_step: int
    """The step that is open, from 0."""
    unreachable_step: int | None
    """The first step whose quorum the present members cannot reach."""
    expires_at: datetime | None
    """When it expires."""
    remind_at: datetime | None
    """When approvers are reminded next."""
    decided_at: datetime | None
    """When it was decided."""
    decided_by: str | None
    """Id of the principal whose vote or call decided it."""
    comment: str | None
    """Why it was decided so."""
    facts: list[FactOut]
    """All of the content: two approval requests with different digests never have the same facts."""
    voters: list[str]
    """Names of those who may vote in the open step and have not; empty once it is decided."""
    votes_given: int
    """How many approvals the open step has."""
    votes_missing: int
    """How many more it needs."""
    link: str | None
    """The page where its approvers vote; null where the installation has no public URL."""
    votes: list[VoteOut]
    """Oldest first."""


class ApprovalStatus(OpenEnum):
    """Of an approval request."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ApprovalStepIn(Body):
    """One step of an approval policy."""

    name: str
    """Name for people."""
    approvers: list[str]
    """Slugs, ids or e-mail addresses of members: users, or groups of them."""
    quorum: int = 1
    """How many approvals the step needs."""
    channels: list[str] | None = None
    """Slugs or ids of channels that show the approval with its buttons."""
    max_sign_in_age: str | None = None
    """How old the sign-in of a voter may be, such as `5m`, from `1m` to `12h`; null: any. Votes are then
    cast in a browser or after `certrail login`, not in chat.
    """


class ApprovalStepOut(Body):
    """One step of an approval policy."""

    name: str
    """Name for people."""
    approvers: list[str]
    """Slugs of the principals that may vote."""
    quorum: int
    """How many approvals the step needs."""
    channels: list[str]
    """Slugs of the channels that show the approval."""
    max_sign_in_age: str | None
    """How old the sign-in of a voter may be; null: any."""


class FactOut(Body):
    """One labelled line of what is to be approved."""

    label: str
    """What the value is."""
    value: str
    """The value. What could be taken for another one is quoted, with JSON escapes (RFC 8259)."""


class GuardedAction(OpenEnum):
    """An action that a policy may require approval for."""

    ISSUANCE = "issuance"
    REVOCATION = "revocation"


class RenewalPreapproval(Body):
    """For how many renewals of the same content one approval counts, and how long."""

    renewals: int
    """How many renewals."""
    days: int
    """For how many days."""


class VoteIn(Body):
    """A decision on an approval request."""

    decision: Literal["approve", "reject"]
    """The decision."""
    comment: str = ""
    """Why; a rejection needs it."""
    digest: str | None = None
    """The `digest` of the approval request as it was read: refused if its content changed since."""


class VoteOut(Body):
    """One person's decision in one step."""

    id: str
    """Id of the vote."""
    created_at: datetime
    """When it was given."""
    approval_request_id: str
    """Id of the approval request."""
    round: int
    """Which round; votes of earlier rounds do not count."""
    step: int
    """Which step, from 0."""
    principal_id: str
    """Id of the voter."""
    principal: str
    """Slug of the voter."""
    decision: Literal["approve", "reject"]
    """The decision."""
    comment: str
    """Why."""
    digest: str
    """SHA-256 of the content that it was given for."""
    via: str
    """How it came: `api` or the name of a notifier plugin."""
