"""What the API takes and answers: approvals.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from typing import Literal

from certrail_client.base import Body, OpenEnum


class ApprovalPolicyChangeIn(Body):
    """What to change of an approval policy; what is left out stays."""

    name: str | None = None
    profiles: list[str] | None = None
    steps: list[StepIn] | None = None
    guards: list[GuardedAction] | None = None
    request_ttl: str | None = None
    reminder: str | None = None
    allow_self_approval: bool | None = None
    bypass_machine_identities: bool | None = None
    renewal_preapproval: RenewalPreapprovalIn | None = None


class ApprovalPolicyIn(Body):
    """An approval policy to make."""

    slug: str
    name: str
    profiles: list[str]
    steps: list[StepIn]
    guards: list[GuardedAction] | None = None
    request_ttl: str | None = None
    reminder: str | None = None
    allow_self_approval: bool = False
    bypass_machine_identities: bool = False
    renewal_preapproval: RenewalPreapprovalIn | None = None


class GuardedAction(OpenEnum):
    """An action that a policy may require approval for."""

    ISSUANCE = "issuance"
    REVOCATION = "revocation"


class RenewalPreapprovalIn(Body):
    """For how many renewals of the same content one approval stands, and how long; 0 renewals: for none."""

    renewals: int
    days: int


class StepIn(Body):
    """One step of an approval policy."""

    name: str
    approvers: list[str]
    quorum: int = 1
    channels: list[str] | None = None


class VoteIn(Body):
    """An answer to an approval request."""

    decision: Literal["approve", "reject"]
    comment: str = ""
