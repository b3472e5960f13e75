"""Deletions that take other tables' rows along: tables and conditions, those that point at others first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import SQLModel, col, select

from certrail.persistence.tables import (
    ActionToken,
    ActionTokenUse,
    Agent,
    ApprovalMessage,
    EnrollmentExchange,
    EnrollmentSecret,
    ScepRa,
)

Cascade = Sequence[tuple[type[SQLModel], ColumnElement[bool]]]
"""What to delete, in this order: a foreign key never points at a row that is gone."""


def approval_messages(ids: Any) -> Cascade:
    """Approval messages with their action tokens; `ids` is a statement that selects the messages' ids."""
    tokens = select(ActionToken.token_hash).where(col(ActionToken.message_id).in_(ids))
    return [
        (ActionTokenUse, col(ActionTokenUse.token_hash).in_(tokens)),
        (ActionToken, col(ActionToken.message_id).in_(ids)),
        (ApprovalMessage, col(ApprovalMessage.id).in_(ids)),
    ]


def enrollments(ids: Any) -> Cascade:
    """What belongs to enrollments, without these; `ids` is a statement that selects their ids."""
    return [
        # Their principals stay, named by what they requested, and may do nothing without these rows.
        (Agent, col(Agent.enrollment_id).in_(ids)),
        (EnrollmentExchange, col(EnrollmentExchange.enrollment_id).in_(ids)),
        (EnrollmentSecret, col(EnrollmentSecret.enrollment_id).in_(ids)),
        (ScepRa, col(ScepRa.enrollment_id).in_(ids)),
    ]
