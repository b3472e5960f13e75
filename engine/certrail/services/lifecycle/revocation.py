"""Revocation: the certificate, its list, its renewal and what its destinations hold change in one transaction."""

from sqlmodel import Session

from certrail.checkpoints import checkpoint
from certrail.domain.errors import Conflict
from certrail.domain.events.lifecycle import (
    CertificateHeld,
    CertificateReleased,
    CertificateRevoked,
    RevocationEvent,
)
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    Lineage,
)
from certrail.pki.revocation import (
    Reason,
)
from certrail.services.alerting.expiry import catch_up
from certrail.services.authorities.status import publish_crl
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery import retirement_planner
from certrail.services.inventory.lineages import lock_lineage
from certrail.services.inventory.renewal_schedule import plan


class Revocation:
    """Of certificates that authorities here have signed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def revoke(self, actor: Actor, certificate_id: str, reason: Reason = Reason.UNSPECIFIED) -> Certificate:
        """Revoke for good, or with `certificateHold` until it is released.

        Raises:
            NotFound: unknown.
            Conflict: another authority signed it, or it is revoked already.
        """
        with self._context.unit_of_work(actor) as uow:
            row, lineage, issuer = _own(uow.session, certificate_id)
            hold = reason is Reason.CERTIFICATE_HOLD
            if row.status == "revoked" or (hold and row.status == "held"):
                raise Conflict(f"The certificate is {row.status} already.", kind="revoked")
            row.revoked_at = row.revoked_at or uow.now.replace(microsecond=0)
            row.status, row.revocation_reason = ("held" if hold else "revoked"), str(reason)
            self._changed(uow, row, lineage, issuer, CertificateHeld if hold else CertificateRevoked)
            if not hold:
                retirement_planner.revoked(uow, row)
        checkpoint("revocation.committed")
        return row

    def release(self, actor: Actor, certificate_id: str) -> Certificate:
        """Let a certificate on hold be valid again.

        Raises:
            NotFound: unknown.
            Conflict: it is not on hold.
        """
        with self._context.unit_of_work(actor) as uow:
            row, lineage, issuer = _own(uow.session, certificate_id)
            if row.status != "held":
                raise Conflict(f"The certificate is {row.status}; only one on hold is released.")
            row.status = "active" if lineage.current_certificate_id == row.id else "superseded"
            row.revoked_at = row.revocation_reason = None
            self._changed(uow, row, lineage, issuer, CertificateReleased)
            catch_up(uow, row)
            return row

    def _changed(
        self,
        uow: UnitOfWork,
        row: Certificate,
        lineage: Lineage,
        issuer: CaCertificate,
        event: type[RevocationEvent],
    ) -> None:
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


def _own(session: Session, certificate_id: str) -> tuple[Certificate, Lineage, CaCertificate]:
    """A certificate that was signed here, its lineage held: it is not renewed or given up while it is revoked."""
    row, lineage = lock_lineage(session, certificate_id)
    if row.ca_certificate_id is None:
        raise Conflict(
            "Another authority signed this certificate, so it alone can revoke it.", kind="foreign-issuer"
        )
    return row, lineage, session.get_one(CaCertificate, row.ca_certificate_id)
