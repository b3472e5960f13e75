"""What is needed for a while only is deleted when that is over, in small steps, the oldest first."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlmodel import SQLModel, col, delete, select

from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeNonce,
    ActionToken,
    ActionTokenUse,
    ApprovalMessage,
    EnrollmentExchange,
    EnrollmentSecret,
    IdempotencyKeyRow,
    OutboxRow,
    SeenCallback,
    SignInLink,
)
from certrail.services.core.unit_of_work import ServiceContext

ROWS = 500
COPIES = 50
"""Fewer: each has the tokens of all its refreshes."""

KEPT: Sequence[tuple[type[SQLModel], Any, timedelta]] = (
    # A signature is refused after minutes, whether its callback was seen before or not.
    (SeenCallback, col(SeenCallback.created_at), timedelta(days=1)),
    # For whoever wants to know what was told to the orchestrator, and when.
    (OutboxRow, col(OutboxRow.dispatched_at), timedelta(days=7)),
    # Refused after an hour, whether it was used or not.
    (AcmeNonce, col(AcmeNonce.created_at), timedelta(hours=2)),
    # An hour after its answer a message is a new request, whether its exchange is known or not.
    (EnrollmentExchange, col(EnrollmentExchange.answered_at), timedelta(days=7)),
    # Refused at once, whether it is known or not.
    (EnrollmentSecret, col(EnrollmentSecret.used_at), timedelta(days=30)),
    (EnrollmentSecret, col(EnrollmentSecret.expires_at), timedelta(days=30)),
    # Refused after ten minutes, whether it was used or not.
    (SignInLink, col(SignInLink.expires_at), timedelta(days=1)),
    (IdempotencyKeyRow, col(IdempotencyKeyRow.created_at), timedelta(days=30)),
)
"""What is deleted by its age, and from which moment on it is counted."""
TOKENS_KEPT = timedelta(days=30)
"""So long a button that is pressed on a closed question is told why it does not count any more."""


class Housekeeping:
    """Any number may run at once: each passes by what another is deleting."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def run(self) -> int:
        """Do one step of everything that is due; returns how many rows that were."""
        aged = sum(self._delete(table, instant, kept) for table, instant, kept in KEPT)
        return aged + self._delete_tokens()

    def _delete(self, table: type[SQLModel], instant: Any, kept: timedelta) -> int:
        with self._context.db.write() as session:
            due = select(table).where(instant <= self._context.clock() - kept).order_by(instant).limit(ROWS)
            rows = session.exec(locked(due, skip_locked=True)).all()
            for row in rows:
                session.delete(row)
            return len(rows)

    def _delete_tokens(self) -> int:
        with self._context.db.write() as session:
            now = self._context.clock()
            due = (
                select(ApprovalMessage)
                .where(
                    col(ApprovalMessage.tokens_deleted_at).is_(None),
                    col(ApprovalMessage.closed_at) <= now - TOKENS_KEPT,
                )
                .order_by(col(ApprovalMessage.closed_at))
                .limit(COPIES)
            )
            copies = session.exec(locked(due, skip_locked=True)).all()
            of_copies = col(ActionToken.message_id).in_([copy.id for copy in copies])
            tokens = select(ActionToken.token_hash).where(of_copies)
            session.exec(delete(ActionTokenUse).where(col(ActionTokenUse.token_hash).in_(tokens)))
            session.exec(delete(ActionToken).where(of_copies))
            for copy in copies:
                copy.tokens_deleted_at = now
                session.add(copy)
            return len(copies)
