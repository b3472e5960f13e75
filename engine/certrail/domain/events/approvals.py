"""Events of approvals and their policies; `request_type` and `request_id` name what is approved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypedDict

from certrail.domain.events.base import Event, Facts
from certrail_sdk import Severity, Stage


class ApprovalEvent(Event, subject="approval"):
    """About one approval."""

    def page(self) -> str:
        """Where its approvers read it and vote."""
        return f"/approvals/{self.subject_id}"


class WaitingFacts(TypedDict):
    """The fields that every `ApprovalWaiting` has."""

    common_name: str | None
    authority: bool
    profile: str | None
    lifetime: str | None
    voters: Sequence[str]
    missing: int
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ApprovalWaiting(ApprovalEvent):
    """Base of the events of an approval that waits for votes.

    Attributes:
        authority: whether it is about a CA certificate.
        lifetime: how long the certificate will be valid, in words.
        voters: names of those who may vote in the current step and have not.
        missing: how many approvals that step still needs.
    """

    common_name: str | None
    authority: bool
    profile: str | None
    lifetime: str | None
    voters: Sequence[str]
    missing: int
    expires_at: datetime | None


class ApprovalPolicyEvent(Event, subject="approval_policy"):
    """About one approval policy."""


@dataclass(frozen=True, kw_only=True)
class ApprovalOpened(
    ApprovalWaiting, type="approval.opened", title="Approval wanted: {name}", alertable=True
):
    """A policy asks for approval; `steps` are `{name, quorum}` in their order."""

    policy: str
    request_type: str
    request_id: str
    steps: Sequence[Facts]


@dataclass(frozen=True, kw_only=True)
class ApprovalClosed(ApprovalEvent):
    """Base of the events that end an approval."""

    request_type: str
    request_id: str
    common_name: str | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class ApprovalApproved(ApprovalClosed, type="approval.approved", title="Approved: {name}", alertable=True):
    """Every step has its quorum."""


@dataclass(frozen=True, kw_only=True)
class ApprovalRejected(
    ApprovalClosed,
    type="approval.rejected",
    title="Rejected: {name}",
    severity=Severity.WARNING,
    alertable=True,
):
    """An approver rejected."""


@dataclass(frozen=True, kw_only=True)
class ApprovalExpired(
    ApprovalClosed,
    type="approval.expired",
    title="Approval expired: {name}",
    severity=Severity.WARNING,
    alertable=True,
):
    """Nobody decided in time."""


@dataclass(frozen=True, kw_only=True)
class ApprovalCancelled(
    ApprovalClosed, type="approval.cancelled", title="Approval cancelled: {name}", alertable=True
):
    """What was to be approved was cancelled or failed, or its approval policy was deleted."""


APPROVAL_ENDS: Mapping[str, type[ApprovalClosed]] = MappingProxyType(
    {cls.event_type.removeprefix("approval."): cls for cls in ApprovalClosed.__subclasses__()}
)
"""The event of each status that ends an approval."""


@dataclass(frozen=True, kw_only=True)
class ApprovalReopened(ApprovalEvent, type="approval.reopened", title="Approval reopened: {name}"):
    """The content changed: every vote is void, and a new round begins."""

    round: int
    reason: str
    common_name: str | None


@dataclass(frozen=True, kw_only=True)
class ApprovalReminder(
    ApprovalWaiting,
    type="approval.reminder",
    title="Approval still waiting: {name}",
    severity=Severity.WARNING,
    alertable=True,
):
    """A step still waits for votes.

    Attributes:
        channels: ids of the channels that are notified whatever alerts there are.
    """

    step: str
    message: str
    channels: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ApprovalStepCompleted(
    ApprovalEvent, type="approval.step_completed", title="Approval step completed: {name}"
):
    """A step reached its quorum; `step` is the number of the next one."""

    step: int


@dataclass(frozen=True, kw_only=True)
class ApprovalVoted(ApprovalEvent, type="approval.voted", title="Voted: {name}"):
    """An approver voted."""

    decision: str
    step: int
    via: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class ApprovalVoteRefused(ApprovalEvent, type="approval.vote_refused", title="Vote refused: {name}"):
    """A vote did not count."""

    reason: str
    detail: str
    via: str


@dataclass(frozen=True, kw_only=True)
class ApprovalQuorumLost(
    ApprovalEvent,
    type="approval.quorum_lost",
    title="Approval out of reach: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """Fewer approvers are able to vote than a step's quorum asks for."""

    request_type: str
    request_id: str
    step: str
    quorum: int
    able: int
    action: str


@dataclass(frozen=True, kw_only=True)
class ApprovalQuorumRestored(
    ApprovalEvent,
    type="approval.quorum_restored",
    title="Approval within reach again: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A step can reach its quorum again."""


@dataclass(frozen=True, kw_only=True)
class ApprovalPreapproved(
    ApprovalEvent, type="approval.preapproved", title="Renewal approved beforehand: {name}"
):
    """The approval of an earlier certificate covers this renewal."""

    request_type: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class ApprovalBypassed(ApprovalPolicyEvent, type="approval.bypassed", title="Approval bypassed: {name}"):
    """The policy requires no approval of what a machine identity requests."""

    policy: str
    request_type: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class CallbackRefused(Event, type="callback.refused", title="Callback refused: {name}", subject="channel"):
    """A callback of a chat system was refused; `repeats` counts the others since the last such event."""

    reason: str
    detail: str
    repeats: int | None = None
    sender: str | None = None


@dataclass(frozen=True, kw_only=True)
class ApprovalPolicyCreated(
    ApprovalPolicyEvent, type="approval_policy.created", title="Approval policy created: {name}"
):
    """An approval policy was created."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class ApprovalPolicyUpdated(
    ApprovalPolicyEvent, type="approval_policy.updated", title="Approval policy changed: {name}"
):
    """An approval policy was changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class SelfApprovalAllowed(
    ApprovalPolicyEvent,
    type="approval_policy.self_approval_allowed",
    title="Requesters may approve their own requests: {name}",
    severity=Severity.WARNING,
    alertable=True,
    product_wide=True,
):
    """An approval policy was made, or changed, so that requesters count among its approvers."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class ApprovalPolicyDeleted(
    ApprovalPolicyEvent, type="approval_policy.deleted", title="Approval policy deleted: {name}"
):
    """An approval policy was deleted."""

    slug: str
