"""Revocation: at once where no policy guards it, else after its approval.

The certificate, its list, its renewal and what its destinations hold change in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from certrail.checkpoints import checkpoint
from certrail.domain.access import ProductRole, Role
from certrail.domain.errors import CertrailError, Conflict, Forbidden, NotFound
from certrail.domain.events.lifecycle import (
    CertificateHeld,
    CertificateReleased,
    CertificateRevoked,
    RevocationEvent,
    RevocationRequested,
)
from certrail.domain.states import WAITING, ApprovalStatus, CertificateStatus, RevocationStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import CaCertificate, Certificate, Lineage, RevocationRequest
from certrail.pki.revocation import Reason
from certrail.services.access.membership import role_in
from certrail.services.alerting.expiry import catch_up
from certrail.services.approvals.lifecycle import (
    apply_timers,
    close,
    guarding_policy,
    open_approval,
    reopen_if_changed,
)
from certrail.services.authorities.compromised_keys import note_compromise
from certrail.services.authorities.status import publish_crl
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery import retirement_planner
from certrail.services.inventory.lineages import lock_lineage
from certrail.services.inventory.renewal_schedule import plan
from certrail.services.lifecycle.revocation_subject import (
    RevocationSubject,
    approval_for,
    digest_of,
    refuse_revoked,
    transition,
)

MEANWHILE = "the certificate was revoked meanwhile"


class Held(NamedTuple):
    """A certificate, its lineage under ``FOR NO KEY UPDATE``, and the CA version that signed it."""

    row: Certificate
    lineage: Lineage
    issuer: CaCertificate


class Revoked(NamedTuple):
    """What a call of `revoke` led to: the certificate, and the request that waits where a policy guards it."""

    certificate: Certificate
    request: RevocationRequest | None = None


@dataclass(frozen=True)
class RevocationAdvance:
    """The result of one step of a revocation request.

    Attributes:
        status: ``waiting`` or a final status of the request.
        wake_at: when to look again at the latest, while waiting.
    """

    status: str
    wake_at: datetime | None = None


class Revocation:
    """Of certificates that authorities here have signed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def revoke(self, actor: Actor, certificate_id: str, reason: Reason = Reason.UNSPECIFIED) -> Revoked:
        """Revoke for good, or with `certificateHold` until it is released; or request it where a policy guards it.

        Raises:
            NotFound: unknown.
            Conflict: another authority signed it, it is revoked, or another request for it is open already.
        """
        with self._context.unit_of_work(actor) as uow:
            held = _lock_own(uow.session, certificate_id)
            refuse_revoked(held.row, reason)
            request = self._request(uow, held.row, reason)
            if request is None or request.status == RevocationStatus.REVOKED:
                _revoke(uow, held, reason)
                request = None
        checkpoint("revocation.committed")
        return Revoked(held.row, request)

    def release(self, actor: Actor, certificate_id: str) -> Certificate:
        """Let a certificate on hold be valid again.

        Raises:
            NotFound: unknown.
            Conflict: it is not on hold.
        """
        with self._context.unit_of_work(actor) as uow:
            held = _lock_own(uow.session, certificate_id)
            row = held.row
            if row.status != CertificateStatus.HELD:
                raise Conflict(f"The certificate is {row.status}; only one on hold is released.")
            row.status = (
                CertificateStatus.ACTIVE
                if held.lineage.current_certificate_id == row.id
                else CertificateStatus.SUPERSEDED
            )
            row.revoked_at = row.revocation_reason = None
            _changed(uow, held, CertificateReleased)
            catch_up(uow, row)
            return row

    def advance(self, request_id: str) -> RevocationAdvance:
        """Take the next step of a request: wait, apply the approval's timers, or revoke."""
        checkpoint("revocation.begin")
        try:
            outcome = self._step(request_id)
        except CertrailError as refusal:
            self.fail(request_id, refusal.detail)
            outcome = RevocationAdvance(RevocationStatus.FAILED)
        checkpoint("revocation.end")
        return outcome

    def fail(self, request_id: str, reason: str) -> None:
        """Fail a request, with a reason that its requester can read."""
        with self._context.unit_of_work(SYSTEM) as uow:
            subject = _lock_request(uow.session, request_id)
            if RevocationStatus(subject.row.status).final:
                return
            transition(
                uow, subject, RevocationStatus.FAILED, reason
            )  # first: it did not end with its approval
            approval = approval_for(uow.session, subject)
            if approval is not None and approval.approval.status == ApprovalStatus.OPEN:
                close(uow, approval, ApprovalStatus.CANCELLED, None, reason)

    def cancel(self, actor: Actor, request_id: str) -> RevocationRequest:
        """Withdraw a request that waits for approval: one's own, or any as an Admin.

        Raises:
            Forbidden: it is somebody else's, and the caller is no Admin here.
            Conflict: it is decided already.
        """
        with self._context.unit_of_work(actor) as uow:
            subject = _lock_request(uow.session, request_id)
            row, own = subject.row, subject.row.requester_id == actor.principal_id
            if not own and not _is_admin(uow.session, actor, row):
                raise Forbidden("Only the requester or an Admin cancels a request.", kind="not-requester")
            if not subject.waiting:
                raise Conflict(f"The request is {row.status}; only one that waits for approval is cancelled.")
            if approval := approval_for(uow.session, subject):
                by = "the requester" if own else "an Admin"
                close(uow, approval, ApprovalStatus.CANCELLED, actor.principal_id, f"cancelled by {by}")
            return row

    def get(self, request_id: str) -> RevocationRequest:
        """One request. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(RevocationRequest, request_id)) is None:
                raise NotFound("revocation request")
            return row

    def requested(self, request_id: str) -> Revoked:
        """What the call that created a request led to. Raises NotFound."""
        row = self.get(request_id)
        with self._context.db.read() as session:
            certificate = session.get_one(Certificate, row.certificate_id)
        return Revoked(certificate, None if row.status == RevocationStatus.REVOKED else row)

    def list(
        self,
        application_id: str | None,
        *,
        status: str | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[RevocationRequest]:
        """One page of the requests of an Application, newest first."""
        with self._context.db.read() as session:
            query = select(RevocationRequest).where(RevocationRequest.application_id == application_id)
            if status:
                query = query.where(RevocationRequest.status == status)
            return session.exec(newest_first(query, RevocationRequest, after, limit)).all()

    def _request(self, uow: UnitOfWork, certificate: Certificate, reason: Reason) -> RevocationRequest | None:
        """The request of a guarded revocation; `None` where nothing guards it. A bypassed one is revoked at once."""
        assert uow.actor.principal_id is not None
        row = RevocationRequest(
            id=uow.new_id(),
            created_at=uow.now,
            updated_at=uow.now,
            application_id=certificate.application_id,
            certificate_id=certificate.id,
            requester_id=uow.actor.principal_id,
            revocation_reason=str(reason),
            status=RevocationStatus.REVOKED,
            digest="",
        )
        row.digest = digest_of(row, certificate)
        subject = RevocationSubject(row, certificate)
        if guarding_policy(uow.session, subject) is None:
            return None
        if open_approval(uow, subject) is not None:
            # The lineage is locked, so no other request of this certificate can appear between this check and the
            # commit; the partial unique index holds the same.
            if others := _open_requests(uow.session, certificate.id):
                raise Conflict(
                    "A revocation of this certificate is requested already.",
                    kind="revocation-requested",
                    revocation_request_id=others[0],
                )
            row.status = RevocationStatus.PENDING_APPROVAL
            subject.signal(uow)
        uow.session.add(row)
        uow.record(
            RevocationRequested(
                row.id,
                row.application_id,
                certificate_id=certificate.id,
                lineage_id=certificate.lineage_id,
                common_name=subject.display_name,
                status=row.status,
                revocation_reason=row.revocation_reason,
            )
        )
        return row

    def _step(self, request_id: str) -> RevocationAdvance:
        with self._context.unit_of_work(SYSTEM) as uow:
            held = _lock_own(uow.session, _certificate_id(uow.session, request_id))
            subject = _lock_row(uow.session, held.row, request_id)
            row, approval = subject.row, approval_for(uow.session, subject)
            if RevocationStatus(row.status).final:
                return RevocationAdvance(row.status)
            if approval is not None and reopen_if_changed(uow, approval):
                return RevocationAdvance(WAITING, apply_timers(uow, approval))
            if approval is not None and subject.waiting:
                wake_at = apply_timers(uow, approval)
                return RevocationAdvance(WAITING if subject.waiting else row.status, wake_at)
            transition(uow, subject, RevocationStatus.REVOKED)
            _revoke(uow, held, Reason(row.revocation_reason))
        checkpoint("revocation.committed")
        return RevocationAdvance(RevocationStatus.REVOKED)


def _certificate_id(session: Session, request_id: str) -> str:
    query = select(RevocationRequest.certificate_id).where(RevocationRequest.id == request_id)
    if (found := session.exec(query).first()) is None:
        raise NotFound("revocation request")
    return found


def _lock_own(session: Session, certificate_id: str) -> Held:
    """A certificate that was signed here, its lineage under a row lock: a renewal waits for the revocation."""
    row, lineage = lock_lineage(session, certificate_id)
    if row.ca_certificate_id is None:
        raise Conflict(
            "Another authority signed this certificate, so it alone can revoke it.", kind="foreign-issuer"
        )
    return Held(row, lineage, session.get_one(CaCertificate, row.ca_certificate_id))


def _lock_request(session: Session, request_id: str) -> RevocationSubject:
    certificate, _ = lock_lineage(session, _certificate_id(session, request_id))
    return _lock_row(session, certificate, request_id)


def _lock_row(session: Session, certificate: Certificate, request_id: str) -> RevocationSubject:
    """A request, `FOR NO KEY UPDATE`; the caller has locked the lineage.

    The order is lineage, request, approval everywhere: two orders would end in a deadlock.
    """
    query = select(RevocationRequest).where(RevocationRequest.id == request_id)
    return RevocationSubject(session.exec(locked(query)).one(), certificate)


def _open_requests(session: Session, certificate_id: str) -> Sequence[str]:
    final = [status for status in RevocationStatus if status.final]
    query = select(RevocationRequest.id).where(
        RevocationRequest.certificate_id == certificate_id, col(RevocationRequest.status).not_in(final)
    )
    return session.exec(query).all()


def _revoke(uow: UnitOfWork, held: Held, reason: Reason) -> None:
    row, hold = held.row, reason is Reason.CERTIFICATE_HOLD
    row.revoked_at = row.revoked_at or uow.now.replace(microsecond=0)
    row.status = CertificateStatus.HELD if hold else CertificateStatus.REVOKED
    row.revocation_reason = str(reason)
    note_compromise(uow, row)
    _changed(uow, held, CertificateHeld if hold else CertificateRevoked)
    if not hold:
        retirement_planner.revoked(uow, row)
    _close_obsolete(uow, row)


def _close_obsolete(uow: UnitOfWork, certificate: Certificate) -> None:
    """Cancel open requests that have nothing left to revoke; one for more than a hold still has."""
    for request_id in _open_requests(uow.session, certificate.id):
        subject = _lock_row(uow.session, certificate, request_id)
        try:
            refuse_revoked(certificate, Reason(subject.row.revocation_reason))
        except Conflict:
            transition(uow, subject, RevocationStatus.CANCELLED, MEANWHILE)
            if (
                approval := approval_for(uow.session, subject)
            ) and approval.approval.status == ApprovalStatus.OPEN:
                close(uow, approval, ApprovalStatus.CANCELLED, None, MEANWHILE)


def _changed(uow: UnitOfWork, held: Held, event: type[RevocationEvent]) -> None:
    row, lineage, issuer = held
    uow.session.add(row)
    superseded = lineage.current_certificate_id != row.id
    if not superseded:
        plan(uow, lineage, row)
    uow.record(
        event(
            row.id,
            row.application_id,
            common_name=row.common_name,
            serial=row.serial,
            lineage_id=row.lineage_id,
            superseded=superseded,
            reason=row.revocation_reason,
        )
    )
    uow.session.flush()
    publish_crl(uow, issuer)


def _is_admin(session: Session, actor: Actor, row: RevocationRequest) -> bool:
    if actor.product_role == ProductRole.ADMIN:
        return True
    return role_in(session, actor.principal_id, row.application_id) is Role.ADMIN
