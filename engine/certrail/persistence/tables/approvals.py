"""Approval policies, approval requests, votes, and the messages that ask for them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables.base import Row, Table, json_column, only_where, optional_json, timestamp

OPEN_MESSAGE = "closed_at is null"
"""Approval messages that are still brought up to date."""


class ApprovalPolicy(Row, table=True):
    """Ordered steps of approval that the guarded actions of its profiles require.

    `guards` are the actions, see `GuardedAction`. `renewal_preapproval` lets one approval cover later renewals of the
    same content: ``{"renewals": …, "days": …}``.
    """

    __tablename__ = "approval_policy"
    __table_args__ = (UniqueConstraint("application_id", "slug"),)

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    slug: str = Field(max_length=64)
    name: str = Field(max_length=128)
    version: int = 1
    guards: list[str] = json_column(list)
    steps: list[dict[str, Any]] = json_column(list)
    request_ttl_seconds: int | None = None
    reminder_seconds: int | None = None
    allow_self_approval: bool = False
    bypass_machine_identities: bool = False
    bypass_enrollment_clients: bool = False
    renewal_preapproval: dict[str, int] | None = optional_json()


class ApprovalPolicyProfile(Table, table=True):
    """An action on a profile that a policy guards.

    `scope` is the Application id or empty: a unique constraint sees no two NULLs as equal, and one action on one
    profile has one policy.
    """

    __tablename__ = "approval_policy_profile"
    __table_args__ = (UniqueConstraint("scope", "profile_id", "action"),)

    policy_id: str = Field(primary_key=True, foreign_key="approval_policy.id", max_length=40)
    profile_id: str = Field(primary_key=True, foreign_key="certificate_profile.id", max_length=40)
    action: str = Field(primary_key=True, max_length=16)
    scope: str = Field(max_length=40)


class ApprovalRequest(Row, table=True):
    """The approval of one subject, with its own copy of the policy it began under.

    `subject_type` and `subject_id` name what is approved; subjects live in rooms above, so no foreign key can hold
    them. `round` grows when the content changed and everybody is asked again. `unreachable_step` is the first step
    whose quorum the present members cannot reach.
    """

    __tablename__ = "approval_request"
    __table_args__ = (
        Index("ix_approval_request_status", "status", "created_at"),
        Index("ix_approval_request_list", "application_id", "created_at", "id"),
        UniqueConstraint("subject_type", "subject_id"),
    )

    application_id: str | None = Field(default=None, foreign_key="application.id", max_length=40)
    subject_type: str = Field(max_length=32)
    subject_id: str = Field(max_length=40)
    policy_id: str = Field(max_length=40)
    policy: dict[str, Any] = json_column()
    digest: str = Field(max_length=64)
    round: int = 0
    requester_id: str = Field(foreign_key="principal.id", max_length=40)
    status: str = Field(default=ApprovalStatus.OPEN, max_length=16)
    current_step: int = 0
    unreachable_step: int | None = None
    expires_at: datetime | None = timestamp()
    remind_at: datetime | None = timestamp()
    decided_at: datetime | None = timestamp()
    decided_by: str | None = Field(default=None, max_length=40)
    comment: str | None = None


class Vote(Row, table=True):
    """One person's answer in one step."""

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("approval_request_id", "round", "step", "principal_id"),)

    approval_request_id: str = Field(foreign_key="approval_request.id", max_length=40)
    round: int
    step: int
    principal_id: str = Field(foreign_key="principal.id", max_length=40)
    decision: str = Field(max_length=16)
    comment: str = ""
    digest: str = Field(max_length=64)
    via: str = Field(max_length=32)


class ApprovalMessage(Row, table=True):
    """The message that asks one channel for approval, in one step of one round."""

    __tablename__ = "approval_message"
    __table_args__ = (
        UniqueConstraint("approval_request_id", "round", "step", "channel_id"),
        Index("ix_approval_message_open", "id", **only_where(OPEN_MESSAGE)),
        Index("ix_approval_message_tokens", "closed_at", **only_where("tokens_deleted_at is null")),
    )

    approval_request_id: str = Field(foreign_key="approval_request.id", max_length=40)
    round: int
    step: int
    channel_id: str = Field(foreign_key="channel.id", max_length=40)
    reference: str | None = Field(default=None, max_length=256)
    intent_at: datetime | None = timestamp()
    closed_at: datetime | None = timestamp()
    tokens_deleted_at: datetime | None = timestamp()
    shown: str | None = Field(default=None, max_length=64)
    last_error: dict[str, Any] | None = optional_json()


class ActionToken(Table, table=True):
    """A button's token, hashed; bound to a decision, a content digest and an approval message, and so to a step."""

    __tablename__ = "action_token"

    token_hash: str = Field(primary_key=True, max_length=64)
    message_id: str = Field(foreign_key="approval_message.id", index=True, max_length=40)
    answer: str = Field(max_length=16)
    digest: str = Field(max_length=64)


class ActionTokenUse(Table, table=True):
    """A token may be used once by each person."""

    __tablename__ = "action_token_use"

    token_hash: str = Field(primary_key=True, foreign_key="action_token.token_hash", max_length=64)
    sender: str = Field(primary_key=True, max_length=160)


class SeenCallback(Row, table=True):
    """A signed answer that was counted or refused: the same one is a replay afterwards. `id` is its replay key."""

    __tablename__ = "seen_callback"
    __table_args__ = (Index("ix_seen_callback_age", "created_at"),)
