"""Answers about certificate requests."""

from collections.abc import Sequence

from certrail.persistence.tables import Application, CertificateProfile, CertificateRequest, Principal
from certrail.services.facade import Services
from certrail_server.api.schemas.requests import CertificateRequestOut


def request_answers(services: Services, rows: Sequence[CertificateRequest]) -> list[CertificateRequestOut]:
    """One for each row."""
    names = services.names
    applications = names.slugs(Application, (row.application_id for row in rows))
    profiles = names.slugs(CertificateProfile, (row.profile_id for row in rows))
    requesters = names.slugs(Principal, (row.requester_id for row in rows))
    approvals = services.approvals.of_subjects([row.id for row in rows])
    return [
        CertificateRequestOut.about(
            row,
            application=applications.get(row.application_id or ""),
            profile=profiles[row.profile_id],
            requester=requesters[row.requester_id],
            approval_request_id=approvals.get(row.id),
        )
        for row in rows
    ]


def request_answer(services: Services, row: CertificateRequest) -> CertificateRequestOut:
    """For one row."""
    (answer,) = request_answers(services, [row])
    return answer
