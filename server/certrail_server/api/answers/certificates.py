"""Answers about certificates."""

from collections.abc import Mapping, Sequence

from certrail.persistence.tables import Application, CaCertificate, Certificate, CertificateProfile
from certrail.services.facade import Services
from certrail_server.api.schemas.certificates import CertificateOut
from certrail_server.api.schemas.lifecycle import RenewalPlanOut


def certificate_answers(services: Services, rows: Sequence[Certificate]) -> list[CertificateOut]:
    """One for each row."""
    names = services.names.of(
        {
            Application: (row.application_id for row in rows),
            CertificateProfile: (row.profile_id for row in rows),
            CaCertificate: (row.ca_certificate_id for row in rows),
        }
    )
    return [
        CertificateOut.about(
            row,
            application=names[Application].get(row.application_id or ""),
            profile=names[CertificateProfile].get(row.profile_id or ""),
            issuer=names[CaCertificate].get(row.ca_certificate_id or ""),
        )
        for row in rows
    ]


def certificate_answer(services: Services, row: Certificate) -> CertificateOut:
    """For one row."""
    (answer,) = certificate_answers(services, [row])
    return answer


def renewal_plan_answer(explained: Mapping[str, object]) -> RenewalPlanOut:
    """The parts that the API names: the state of a renewal has more, for the sweep."""
    named = {name: explained[name] for name in RenewalPlanOut.model_fields if name in explained}
    return RenewalPlanOut.model_validate(named)
