"""The certificate that an event is about, as the selectors of alerts see it."""

from itertools import chain

from sqlmodel import Session, col, or_, select

from certrail.domain.content import RequestContent
from certrail.persistence.tables import (
    ApprovalRequest,
    Certificate,
    CertificateProfile,
    CertificateRequest,
    EventRow,
    Lineage,
    RevocationRequest,
)
from certrail.services.inventory.selectors import Selectable, selectable


def selectable_of(session: Session, event: EventRow) -> Selectable | None:
    """The certificate that an event is about, or the one that is requested; ``None`` when it is about none."""
    if event.subject_type == "certificate":
        return _of_certificate(session, event.subject_id)
    if lineage := event.data.get("lineage_id"):
        present = select(Lineage.current_certificate_id).where(Lineage.id == lineage)
        return _of_certificate(session, session.exec(present).first())
    if event.subject_type == "request":
        return _of_request(session, event.subject_id)
    if event.subject_type == "approval":
        about = select(ApprovalRequest.subject_id).where(ApprovalRequest.id == event.subject_id)
        ident = session.exec(about).first()
        return _of_request(session, ident) or _of_revocation(session, ident)
    if profile := event.data.get("profile"):
        return _of_refusal(session, event, profile)
    return None


def _of_certificate(session: Session, ident: str | None) -> Selectable | None:
    row = session.exec(select(Certificate).where(Certificate.id == ident)).first()
    return selectable(row) if row else None


def _of_revocation(session: Session, ident: str | None) -> Selectable | None:
    query = select(RevocationRequest.certificate_id).where(RevocationRequest.id == ident)
    return _of_certificate(session, session.exec(query).first())


def _of_request(session: Session, ident: str | None) -> Selectable | None:
    row = session.exec(select(CertificateRequest).where(CertificateRequest.id == ident)).first()
    if row is None:
        return None
    content = RequestContent.model_validate(row.content)
    names = chain.from_iterable(content.sans.model_dump(mode="json").values())
    return Selectable(None, row.profile_id, (content.subject.common_name or "", *names), row.attributes)


def _of_refusal(session: Session, event: EventRow, profile: str) -> Selectable:
    """A refused request leaves no row behind: the event says all that is known, and nothing of its metadata."""
    named = or_(col(CertificateProfile.slug) == profile, col(CertificateProfile.id) == profile)
    ident = session.exec(select(CertificateProfile.id).where(named)).first()
    names = (event.data.get("common_name") or "", *event.data.get("dns_names", ()))
    return Selectable(None, ident, names, None)
