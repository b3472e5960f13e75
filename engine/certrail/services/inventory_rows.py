"""A new certificate in the inventory: its row, its lineage, and what it is found by."""

from certrail.persistence.tables import Certificate, CertificateTerm, Lineage
from certrail.persistence.terms import terms_of
from certrail.services.kernel import Change
from certrail.services.renewal_plans import plan


def add_certificate(change: Change, row: Certificate, present: Certificate | None = None) -> None:
    """Store the first certificate of a new lineage, or the one that takes the place of its `present` one."""
    if present is None:
        lineage = Lineage(id=row.lineage_id, created_at=change.now, application_id=row.application_id)
    else:
        lineage = change.session.get_one(Lineage, row.lineage_id)
        present.status = "superseded"
        change.session.add(present)
    lineage.current_certificate_id = row.id
    change.session.add(lineage)
    change.session.add(row)
    plan(change, lineage, row)
    for term in terms_of(row.common_name, row.names, row.attributes):
        change.session.add(
            CertificateTerm(
                certificate_id=row.id, application_id=row.application_id, created_at=row.created_at, **term
            )
        )
