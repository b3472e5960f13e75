"""Approval policies, approval requests and votes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints

from certrail.domain.approval import GuardedAction
from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import ApprovalPolicy
from certrail.services.approvals.policies import Step
from certrail_server.api import samples
from certrail_server.api.schemas.base import (
    Comment,
    Duration,
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Reference,
    References,
    Slug,
    absent,
    examples,
    span,
)

Guards = Annotated[list[GuardedAction], Field(min_length=1, max_length=2)]
Profiles = Annotated[list[Reference], Field(min_length=1, max_length=100)]


class ApprovalStepIn(In):
    """One step of an approval policy."""

    name: Name = Field(description="Name for people.")
    approvers: Annotated[list[Reference], Field(min_length=1, max_length=100)] = Field(
        description="Slugs, ids or e-mail addresses of members: users, or groups of them."
    )
    quorum: int = Field(default=1, ge=1, le=100, description="How many approvals the step needs.")
    channels: References = Field(
        default_factory=list, description="Slugs or ids of channels that show the approval with its buttons."
    )

    max_sign_in_age: Duration | None = Field(
        default=None,
        description="How old the sign-in of a voter may be, such as `5m`, from `1m` to `12h`; null: any. Votes are then"
        " cast in a browser or after `certrail login`, not in chat.",
    )

    def given(self) -> Step:
        """As the service takes it."""
        return Step(self.name, tuple(self.approvers), self.quorum, tuple(self.channels), self.max_sign_in_age)


ApprovalSteps = Annotated[list[ApprovalStepIn], Field(min_length=1, max_length=10)]


class RenewalPreapproval(In):
    """For how many renewals of the same content one approval counts, and how long."""

    renewals: int = Field(ge=1, le=1000, description="How many renewals.")
    days: int = Field(ge=1, le=3650, description="For how many days.")


class ApprovalPolicyIn(In):
    """An approval policy to create."""

    model_config = examples(
        {
            "slug": "production",
            "name": "Production certificates",
            "profiles": ["web"],
            "steps": [
                {"name": "Owners", "approvers": ["alice"], "quorum": 1, "channels": ["approvals"]},
                {
                    "name": "Security",
                    "approvers": ["security"],
                    "quorum": 2,
                    "channels": [],
                    "max_sign_in_age": "5m",
                },
            ],
            "guards": ["issuance", "revocation"],
            "request_ttl": "3d",
            "reminder": "4h",
            "allow_self_approval": False,
            "bypass_machine_identities": True,
            "bypass_enrollment_clients": False,
            "renewal_preapproval": {"renewals": 8, "days": 400},
        }
    )

    slug: Slug = Field(description="Unique name in the Application.")
    name: Name = Field(description="Name for people.")
    profiles: Profiles = Field(description="Slugs or ids of the certificate profiles that it guards.")
    steps: ApprovalSteps = Field(description="In their order; each needs its quorum before the next one.")
    guards: Guards = Field(
        default_factory=lambda: [GuardedAction.ISSUANCE], description="The actions that need approval."
    )
    request_ttl: Duration | None = Field(
        default=None, description="How long an approval is open before it expires; null for ever."
    )
    reminder: Duration | None = Field(
        default=None, description="How often approvers are reminded; null for never."
    )
    allow_self_approval: bool = Field(default=False, description="Whether requesters may approve their own.")
    bypass_machine_identities: bool = Field(
        default=False, description="Whether requests of machine identities need no approval."
    )
    bypass_enrollment_clients: bool = Field(
        default=False,
        description="Whether requests of ACME, EST and SCEP clients, and of agents, need no approval.",
    )
    renewal_preapproval: RenewalPreapproval | None = Field(
        default=None, description="Whether one approval counts for later renewals; null for none."
    )

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        return {**self.model_dump(exclude={"steps"}), "steps": [step.given() for step in self.steps]}


class ApprovalPolicyChangeIn(Patch):
    """What to change of an approval policy."""

    model_config = examples(
        {
            "name": "Internal certificates",
            "profiles": ["guarded"],
            "steps": [{"name": "Owners", "approvers": ["alice", "bob"], "quorum": 1}],
            "guards": ["issuance"],
            "request_ttl": "7d",
            "reminder": "1d",
            "allow_self_approval": True,
            "bypass_machine_identities": False,
            "bypass_enrollment_clients": True,
            "renewal_preapproval": {"renewals": 2, "days": 100},
        },
        {"request_ttl": None, "reminder": None, "renewal_preapproval": None},
    )

    name: Name = absent(description="Name for people.")
    profiles: Profiles = absent(description="Replaces the guarded profiles.")
    steps: ApprovalSteps = absent(description="Replaces the steps.")
    guards: Guards = absent(description="Replaces the guarded actions.")
    request_ttl: Duration | None = Field(
        default=None, description="How long an approval is open before it expires; null for ever."
    )
    reminder: Duration | None = Field(
        default=None, description="How often approvers are reminded; null for never."
    )
    allow_self_approval: bool = absent(description="Whether requesters may approve their own.")
    bypass_machine_identities: bool = absent(
        description="Whether requests of machine identities need no approval."
    )
    bypass_enrollment_clients: bool = absent(
        description="Whether requests of ACME, EST and SCEP clients, and of agents, need no approval."
    )
    renewal_preapproval: RenewalPreapproval | None = Field(
        default=None, description="Whether one approval counts for later renewals; null for none."
    )

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.model_dump(exclude_unset=True)
        return given | ({"steps": [step.given() for step in self.steps]} if "steps" in given else {})


class ApprovalStepOut(Out):
    """One step of an approval policy."""

    name: str = Field(description="Name for people.")
    approvers: list[str] = Field(description="Slugs of the principals that may vote.")
    quorum: int = Field(description="How many approvals the step needs.")
    channels: list[str] = Field(description="Slugs of the channels that show the approval.")
    max_sign_in_age: Duration | None = Field(description="How old the sign-in of a voter may be; null: any.")


class ApprovalPolicyOut(Out):
    """Which profiles need whose approval."""

    id: Id = Field(description="Id of the approval policy.")
    created_at: datetime = Field(description="When it was created.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    slug: str = Field(description="Unique name in the Application.")
    name: str = Field(description="Name for people.")
    version: int = Field(description="Counts its changes.")
    profiles: list[str] = Field(description="Slugs of the certificate profiles that it guards.")
    steps: list[ApprovalStepOut] = Field(description="In their order.")
    guards: list[GuardedAction] = Field(description="The actions that need approval.")
    request_ttl: Duration | None = Field(description="How long an approval is open; null for ever.")
    reminder: Duration | None = Field(description="How often approvers are reminded.")
    allow_self_approval: bool = Field(description="Whether requesters may approve their own.")
    bypass_machine_identities: bool = Field(
        description="Whether requests of machine identities need no approval."
    )
    bypass_enrollment_clients: bool = Field(
        description="Whether requests of ACME, EST and SCEP clients, and of agents, need no approval."
    )
    renewal_preapproval: RenewalPreapproval | None = Field(
        description="Whether one approval counts for later renewals."
    )

    @classmethod
    def about(cls, row: ApprovalPolicy, **named: Any) -> Self:
        """From a row and the names of what it points to."""
        return cls.of(
            row, request_ttl=span(row.request_ttl_seconds), reminder=span(row.reminder_seconds), **named
        )


class ApprovalPolicyList(Listing[ApprovalPolicyOut]):
    """Approval policies, by slug."""


class VoteIn(In):
    """A decision on an approval request."""

    model_config = examples(
        {"decision": "approve", "comment": "Ordered with change 4711.", "digest": samples.DIGEST},
        {"decision": "reject", "comment": "This name belongs to another team."},
    )

    decision: Literal["approve", "reject"] = Field(description="The decision.")
    comment: Comment = Field(default="", description="Why; a rejection needs it.")
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="The `digest` of the approval request as it was read: refused if its content changed since.",
    )


class FactOut(Out):
    """One labelled line of what is to be approved."""

    label: str = Field(description="What the value is.")
    value: str = Field(
        description="The value. What could be taken for another one is quoted, with JSON escapes (RFC 8259)."
    )


class VoteOut(Out):
    """One person's decision in one step."""

    id: Id = Field(description="Id of the vote.")
    created_at: datetime = Field(description="When it was given.")
    approval_request_id: Id = Field(description="Id of the approval request.")
    round: int = Field(description="Which round; votes of earlier rounds do not count.")
    step: int = Field(description="Which step, from 0.")
    principal_id: Id = Field(description="Id of the voter.")
    principal: str = Field(description="Slug of the voter.")
    decision: Literal["approve", "reject"] = Field(description="The decision.")
    comment: str = Field(description="Why.")
    digest: str = Field(description="SHA-256 of the content that it was given for.")
    via: str = Field(description="How it came: `api` or the name of a notifier plugin.")


class ApprovalRequestOut(Out):
    """One run of an approval policy."""

    id: Id = Field(description="Id of the approval request.")
    created_at: datetime = Field(description="When it was opened.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    application: str | None = Field(description="Slug of its Application; null in the legacy scope.")
    subject_type: str = Field(
        description="What is to be approved: a certificate request or a revocation request."
    )
    subject_id: Id = Field(description="Id of what is to be approved.")
    title: str = Field(description="The question; it says so where it is about a certificate authority.")
    authority: bool = Field(description="Whether it is about the certificate of an authority.")
    names: list[str] = Field(description="The names on the certificate that it is about.")
    requester_id: Id = Field(description="Id of the principal that submitted it.")
    requester: str = Field(description="Slug of the principal that submitted it.")
    policy_id: Id = Field(description="Id of the approval policy.")
    policy: str = Field(description="Slug of the approval policy, as it was when this was opened.")
    policy_version: int = Field(description="Version of the approval policy then.")
    steps: list[ApprovalStepOut] = Field(description="Its steps then.")
    digest: str = Field(description="SHA-256 of the content, which votes are bound to.")
    round: int = Field(description="Starts anew when the content changes.")
    status: ApprovalStatus = Field(description="Whether it is decided.")
    current_step: int = Field(description="The step that is open, from 0.")
    unreachable_step: int | None = Field(
        description="The first step whose quorum the present members cannot reach."
    )
    expires_at: datetime | None = Field(description="When it expires.")
    remind_at: datetime | None = Field(description="When approvers are reminded next.")
    decided_at: datetime | None = Field(description="When it was decided.")
    decided_by: Id | None = Field(description="Id of the principal whose vote or call decided it.")
    comment: str | None = Field(description="Why it was decided so.")


class ApprovalRequestList(Listing[ApprovalRequestOut]):
    """Approval requests, newest first."""


class ApprovalRequestWithVotesOut(ApprovalRequestOut):
    """One run of an approval policy, with what its approvers must know, and its votes."""

    facts: list[FactOut] = Field(
        description="All of the content: two approval requests with different digests never have the same facts."
    )
    voters: list[str] = Field(
        description="Names of those who may vote in the open step and have not; empty once it is decided."
    )
    votes_given: int = Field(description="How many approvals the open step has.")
    votes_missing: int = Field(description="How many more it needs.")
    link: str | None = Field(
        description="The page where its approvers vote; null where the installation has no public URL."
    )
    votes: Sequence[VoteOut] = Field(description="Oldest first.")
