"""Answers about revocation requests."""

from collections.abc import Sequence

from certrail.persistence.tables import Application, Principal, RevocationRequest
from certrail.services.facade import Services
from certrail_server.api.schemas.revocations import RevocationRequestOut


def revocation_answers(services: Services, rows: Sequence[RevocationRequest]) -> list[RevocationRequestOut]:
    """One for each row."""
    names = services.names
    applications = names.slugs(Application, (row.application_id for row in rows))
    requesters = names.slugs(Principal, (row.requester_id for row in rows))
    certificates = names.certificates(row.certificate_id for row in rows)
    approvals = services.approvals.of_subjects([row.id for row in rows])
    return [
        RevocationRequestOut.of(
            row,
            application=applications.get(row.application_id or ""),
            certificate=certificates[row.certificate_id],
            requester=requesters[row.requester_id],
            approval_request_id=approvals.get(row.id),
        )
        for row in rows
    ]


def revocation_answer(services: Services, row: RevocationRequest) -> RevocationRequestOut:
    """For one row."""
    (answer,) = revocation_answers(services, [row])
    return answer
