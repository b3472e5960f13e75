"""A client's message and the certificate request that it belongs to: the same message again finds the same request."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from certrail.domain.errors import Forbidden
from certrail.domain.states import CertificateStatus, RequestStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, CertificateRequest, EnrollmentExchange
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

REPEATED = timedelta(hours=1)
"""How long after its first answer a certificate is handed out again: an answer may be lost on the way."""
REFUSED = timedelta(days=1)
"""How long a decision against a request holds for the same CSR, so that a client in a loop prompts nobody anew."""
SOON = timedelta(seconds=5)
"""When to come again for a request that waits for nobody."""

_WAITING = (RequestStatus.PENDING_APPROVAL, RequestStatus.APPROVED, RequestStatus.ISSUING)
_REFUSED = (RequestStatus.REJECTED, RequestStatus.CANCELLED, RequestStatus.EXPIRED)


class CameTwice(Exception):
    """The same message came at the same time and was accepted there: look again, it has a request."""


@dataclass(frozen=True)
class Issued:
    """The certificate of a request."""

    certificate: Certificate


@dataclass(frozen=True)
class Pending:
    """Come again: it waits for approval, or is about to be issued."""

    request_id: str
    retry_after: timedelta


Outcome = Issued | Pending


def exchange_key(*parts: str | bytes) -> str:
    """SHA-256 over what makes two messages the same, each part with its length."""
    hasher = hashlib.sha256()
    for part in parts:
        encoded = part.encode() if isinstance(part, str) else part
        hasher.update(len(encoded).to_bytes(8, "big") + encoded)
    return hasher.hexdigest()


class Exchanges:
    """The exchanges of all enrollments."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def outcome(self, actor: Actor, enrollment_id: str, key: str, wait: timedelta) -> Outcome | None:
        """How far the request of a message is; ``None`` where it is to be accepted as a new one.

        Args:
            wait: after which a client comes again while an approval is open.

        Raises:
            Forbidden: it was decided against; the reason is in the text.
        """
        with self._context.db.read() as session:
            row = find_exchange(session, enrollment_id, key)
            found = self._outcome(session, row, wait) if row else None
        if isinstance(found, Issued) and row is not None and row.answered_at is None:
            self.answered(actor, row.id)
        return found

    def of_transaction(
        self, actor: Actor, enrollment_id: str, transaction: str, signer_key: str, wait: timedelta
    ) -> Outcome | None:
        """The same of the newest message with a transactionID that was signed with this key."""
        query = (
            select(EnrollmentExchange)
            .where(
                EnrollmentExchange.enrollment_id == enrollment_id,
                EnrollmentExchange.transaction == transaction,
                EnrollmentExchange.signer_key == signer_key,
            )
            .order_by(col(EnrollmentExchange.created_at).desc(), col(EnrollmentExchange.id))
        )
        with self._context.db.read() as session:
            row = session.exec(query).first()
            found = self._outcome(session, row, wait) if row else None
        if isinstance(found, Issued) and row is not None and row.answered_at is None:
            self.answered(actor, row.id)
        return found

    def answered(self, actor: Actor, exchange_id: str) -> None:
        """Note when the certificate was first handed out. Another answer at the same time changes nothing."""
        with self._context.unit_of_work(actor) as uow:
            query = select(EnrollmentExchange).where(EnrollmentExchange.id == exchange_id)
            row = uow.session.exec(locked(query)).first()
            if row is not None and row.answered_at is None:
                row.answered_at = uow.now
                uow.session.add(row)

    def _outcome(self, session: Session, row: EnrollmentExchange, wait: timedelta) -> Outcome | None:
        request = session.get_one(CertificateRequest, row.request_id)
        now = self._context.clock()
        if request.status in _WAITING:
            open_approval = request.status == RequestStatus.PENDING_APPROVAL
            return Pending(request.id, wait if open_approval else SOON)
        if request.status in _REFUSED:
            if now > request.updated_at + REFUSED:
                return None
            reason = f": {request.reason}" if request.reason else ""
            raise Forbidden(
                f"The request {request.id} was {request.status}{reason}. Send another CSR to ask again.",
                kind="request-refused",
            )
        if request.status != RequestStatus.ISSUED or request.certificate_id is None:
            return None
        certificate = session.get(Certificate, request.certificate_id)
        if certificate is None or certificate.status in (CertificateStatus.REVOKED, CertificateStatus.HELD):
            return None
        late = row.answered_at is not None and now > row.answered_at + REPEATED
        return None if late or now >= certificate.not_after else Issued(certificate)


def find_exchange(session: Session, enrollment_id: str, key: str) -> EnrollmentExchange | None:
    """By its key."""
    query = select(EnrollmentExchange).where(
        EnrollmentExchange.enrollment_id == enrollment_id, EnrollmentExchange.key == key
    )
    return session.exec(query).first()


def keep_exchange(
    uow: UnitOfWork,
    enrollment_id: str,
    key: str,
    request_id: str,
    *,
    ended: str | None = None,
    transaction: str | None = None,
    signer_key: str | None = None,
) -> None:
    """Store which request a message belongs to, in the transaction that accepts it.

    Args:
        ended: the request that it belonged to before, as the caller read it.

    Raises:
        CameTwice: the same message came at the same time, and was accepted.
    """
    query = select(EnrollmentExchange).where(
        EnrollmentExchange.enrollment_id == enrollment_id, EnrollmentExchange.key == key
    )
    row = uow.session.exec(locked(query)).first()
    if (row.request_id if row else None) != ended:
        raise CameTwice
    if row is None:
        row = EnrollmentExchange(
            id=uow.new_id(),
            created_at=uow.now,
            enrollment_id=enrollment_id,
            key=key,
            request_id=request_id,
            transaction=transaction,
            signer_key=signer_key,
        )
    row.request_id, row.answered_at = request_id, None
    uow.session.add(row)
    try:
        uow.session.flush()
    except IntegrityError:
        # Neither transaction saw the other's row: the unique constraint decides.
        raise CameTwice from None
