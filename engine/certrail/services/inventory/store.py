"""A new certificate in the inventory: its row, its lineage, and what it is found by."""

from certrail.domain.events.issuance import CertificateFacts
from certrail.domain.states import CertificateStatus
from certrail.persistence.search_terms import search_terms_of
from certrail.persistence.tables import Certificate, CertificateProfile, CertificateSearchTerm, Lineage
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.renewal_schedule import plan_first


def add_certificate(
    uow: UnitOfWork, row: Certificate, present: Certificate | None = None, *, auto_renew: bool | None = None
) -> None:
    """Store the first certificate of a new lineage, or the one that takes the place of its `present` one.

    Args:
        auto_renew: whether it is renewed by itself; left out, what was said for the lineage stays.
    """
    if present is None:
        lineage = Lineage(id=row.lineage_id, created_at=uow.now, application_id=row.application_id)
    else:
        lineage = uow.session.get_one(Lineage, row.lineage_id)
        # One that was revoked meanwhile stays so.
        present.status = (
            CertificateStatus.SUPERSEDED if present.status == CertificateStatus.ACTIVE else present.status
        )
        uow.session.add(present)
    lineage.current_certificate_id = row.id
    lineage.auto_renew = auto_renew if auto_renew is not None else lineage.auto_renew
    uow.session.add(lineage)
    uow.session.add(row)
    plan_first(uow, lineage, row)
    for term in search_terms_of(row.common_name, row.names, row.attributes):
        uow.session.add(
            CertificateSearchTerm(
                certificate_id=row.id, application_id=row.application_id, created_at=row.created_at, **term
            )
        )


def facts_of(certificate: Certificate, profile: CertificateProfile | None) -> CertificateFacts:
    """What the event of a new certificate says of it."""
    return CertificateFacts(
        subject_id=certificate.id,
        application_id=certificate.application_id,
        lineage_id=certificate.lineage_id,
        common_name=certificate.common_name,
        dns_names=certificate.names.get("dns", []),
        serial=certificate.serial,
        fingerprint=certificate.fingerprint,
        not_after=certificate.not_after,
        profile=profile.slug if profile else None,
        profile_id=certificate.profile_id,
    )
