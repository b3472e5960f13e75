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
    if event.subject_type in ("certificate", "approval") or event.data.get("lineage_id"):
        if (certificate := certificate_of(session, event)) is not None:
            return selectable(certificate)
        return _of_request(session, _approved(session, event)) if event.subject_type == "approval" else None
    if event.subject_type == "request":
        return _of_request(session, event.subject_id)
    if profile := event.data.get("profile"):
        return _of_refusal(session, event, profile)
    return None


def certificate_of(session: Session, event: EventRow) -> Certificate | None:
    """The certificate that an event is about, or the present one of its lineage; ``None`` when there is none yet."""
    ident: str | None = None
    if event.subject_type == "certificate":
        ident = event.subject_id
    elif lineage := event.data.get("lineage_id"):
        present = select(Lineage.current_certificate_id).where(Lineage.id == lineage)
        ident = event.data.get("certificate_id") or session.exec(present).first()
    elif event.subject_type == "approval":
        approved = _approved(session, event)
        ident = session.exec(
            select(RevocationRequest.certificate_id).where(RevocationRequest.id == approved)
        ).first()
    return session.get(Certificate, ident) if ident else None


def _approved(session: Session, event: EventRow) -> str | None:
    return session.exec(
        select(ApprovalRequest.subject_id).where(ApprovalRequest.id == event.subject_id)
    ).first()


def _of_request(session: Session, ident: str | None) -> Selectable | None:
    row = session.get(CertificateRequest, ident) if ident else None
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
