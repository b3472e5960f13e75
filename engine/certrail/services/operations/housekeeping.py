"""What is needed for a while only is deleted when that is over, in small steps, the oldest first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, SQLModel, col, delete, select

from certrail.domain.states import RequestStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeAuthorization,
    AcmeChallenge,
    AcmeNonce,
    AcmeOrder,
    ActionToken,
    ActionTokenUse,
    Agent,
    ApprovalMessage,
    Certificate,
    CertificateRequest,
    EnrollmentExchange,
    EnrollmentSecret,
    IdempotencyKeyRow,
    OutboxRow,
    SeenCallback,
    SignInLink,
)
from certrail.services.core.unit_of_work import ServiceContext

ROWS = 500
ORDERS = 100
"""Fewer: each has an authorization and its challenges for every name."""
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
    (Agent, col(Agent.expires_at), timedelta(days=30)),
    (EnrollmentSecret, col(EnrollmentSecret.used_at), timedelta(days=30)),
    (EnrollmentSecret, col(EnrollmentSecret.expires_at), timedelta(days=30)),
    # Refused after ten minutes, whether it was used or not.
    (SignInLink, col(SignInLink.expires_at), timedelta(days=1)),
    (IdempotencyKeyRow, col(IdempotencyKeyRow.created_at), timedelta(days=30)),
)
"""What is deleted by its age, and from which moment on it is counted."""
OPEN_REQUESTS = (RequestStatus.PENDING_APPROVAL, RequestStatus.APPROVED, RequestStatus.ISSUING)
TOKENS_KEPT = timedelta(days=30)
"""So long a button that is pressed on a closed question is told why it does not count any more."""


class Housekeeping:
    """Any number may run at once: each passes by what another is deleting."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def run(self) -> int:
        """Do one step of everything that is due; returns how many rows that were."""
        aged = sum(self._delete(table, instant, kept) for table, instant, kept in KEPT)
        return aged + self._delete_tokens() + self._delete_orders()

    def _delete(self, table: type[SQLModel], instant: Any, kept: timedelta) -> int:
        with self._context.db.write() as session:
            due = select(table).where(instant <= self._context.clock() - kept).order_by(instant).limit(ROWS)
            rows = session.exec(locked(due, skip_locked=True)).all()
            for row in rows:
                session.delete(row)
            return len(rows)

    def _delete_orders(self) -> int:
        """Orders of ACME that ended, with their authorizations and challenges.

        One whose certificate is valid is needed until that expires: by it the account revokes the certificate, and its
        next order finds the lineage. It is left then, to be looked at again at that time.
        """
        with self._context.db.write() as session:
            now = self._context.clock()
            due = select(AcmeOrder).where(col(AcmeOrder.ends_at) <= now - self._context.ended_orders_kept)
            query = due.order_by(col(AcmeOrder.ends_at)).limit(ORDERS)
            orders = session.exec(locked(query, skip_locked=True)).all()
            if not orders:
                return 0
            ids = [order.id for order in orders]
            needed = _needed_until(session, ids, now)
            of_orders = select(AcmeAuthorization.id).where(col(AcmeAuthorization.order_id).in_(ids))
            session.exec(delete(AcmeChallenge).where(col(AcmeChallenge.authorization_id).in_(of_orders)))
            session.exec(delete(AcmeAuthorization).where(col(AcmeAuthorization.order_id).in_(ids)))
            for order in orders:
                until = needed.get(order.id, order.ends_at)
                if until > order.ends_at:
                    order.ends_at = until
                    session.add(order)
                else:
                    session.delete(order)
            return len(orders)

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


def _needed_until(session: Session, order_ids: Sequence[str], now: datetime) -> dict[str, datetime]:
    """Until when orders with a request are needed: to the end of the certificate, or now while there is none yet."""
    query = (
        select(AcmeOrder.id, CertificateRequest.status, Certificate.not_after)
        .join(CertificateRequest, col(CertificateRequest.id) == col(AcmeOrder.request_id))
        .join(Certificate, col(Certificate.id) == col(CertificateRequest.certificate_id), isouter=True)
        .where(col(AcmeOrder.id).in_(order_ids))
    )
    found: dict[str, datetime] = {}
    for ident, status, not_after in session.exec(query).all():
        if not_after is not None:
            found[ident] = not_after
        elif status in OPEN_REQUESTS:
            found[ident] = now
    return found
