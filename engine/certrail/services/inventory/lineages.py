"""A certificate and its lineage, held by whoever changes what they stand for: one at a time, and in one order."""

from sqlmodel import Session, select

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.states import CertificateStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, Lineage


def lock_lineage(session: Session, certificate_id: str) -> tuple[Certificate, Lineage]:
    """A certificate as it is once its lineage is held, until the transaction ends.

    Status and successor of a certificate are written only by one who holds its lineage. Who needs the authority as
    well takes it after the lineage, so that two who meet wait for each other in one direction only.

    Raises:
        NotFound: there is no such certificate, or not any more.
    """
    if (known := session.get(Certificate, certificate_id)) is None:
        raise NotFound("certificate")
    lineage = session.exec(locked(select(Lineage).where(Lineage.id == known.lineage_id))).first()
    present = session.get(Certificate, certificate_id, populate_existing=True)
    if lineage is None or present is None:
        raise NotFound("certificate")
    return present, lineage


def lock_current(session: Session, certificate_id: str) -> Certificate:
    """The certificate, with its lineage held until the transaction ends.

    Raises:
        NotFound: unknown.
        Conflict: it is not the one that the lineage stands for now, or it is revoked.
    """
    present, lineage = lock_lineage(session, certificate_id)
    if lineage.current_certificate_id != certificate_id or present.status == CertificateStatus.SUPERSEDED:
        raise Conflict(
            f"The certificate is superseded by {lineage.current_certificate_id}; renew that one.",
            kind="superseded",
            current_certificate_id=lineage.current_certificate_id,
        )
    if present.status != CertificateStatus.ACTIVE:
        raise Conflict(f"The certificate is {present.status}; request a new one.", kind="not-renewable")
    return present
