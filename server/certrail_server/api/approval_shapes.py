"""What comes in about approvals: their policies, and votes."""

from typing import Annotated, Literal

from pydantic import Field

from certrail.domain.approval import GuardedAction
from certrail_server.api.schemas.base import Comment, Duration, In, Name, Reference, References, Slug


class StepIn(In):
    """One step of an approval policy."""

    name: Name
    approvers: Annotated[list[Reference], Field(min_length=1, max_length=100)]
    quorum: int = Field(default=1, ge=1, le=100)
    channels: References = Field(default_factory=list)


class RenewalPreapprovalIn(In):
    """For how many renewals of the same content one approval stands, and how long; 0 renewals: for none."""

    renewals: int = Field(ge=0, le=1000)
    days: int = Field(ge=1, le=3650)


class ApprovalPolicyIn(In):
    """An approval policy to make."""

    slug: Slug
    name: Name
    profiles: Annotated[list[Reference], Field(min_length=1, max_length=100)]
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=10)]
    guards: Annotated[list[GuardedAction], Field(min_length=1, max_length=2)] = Field(
        default_factory=lambda: [GuardedAction.ISSUANCE]
    )
    request_ttl: Duration | None = None
    reminder: Duration | None = None
    allow_self_approval: bool = False
    bypass_machine_identities: bool = False
    renewal_preapproval: RenewalPreapprovalIn | None = None


class ApprovalPolicyChangeIn(In):
    """What to change of an approval policy; what is left out stays."""

    name: Name | None = None
    profiles: Annotated[list[Reference], Field(min_length=1, max_length=100)] | None = None
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=10)] | None = None
    guards: Annotated[list[GuardedAction], Field(min_length=1, max_length=2)] | None = None
    request_ttl: Duration | None = None
    reminder: Duration | None = None
    allow_self_approval: bool | None = None
    bypass_machine_identities: bool | None = None
    renewal_preapproval: RenewalPreapprovalIn | None = None


class VoteIn(In):
    """An answer to an approval request."""

    decision: Literal["approve", "reject"]
    comment: Comment = ""
