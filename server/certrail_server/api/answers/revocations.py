"""Answers about revocation requests."""

from collections.abc import Sequence

from certrail.persistence.tables import (
    Application,
    ApprovalRequest,
    Certificate,
    Principal,
    RevocationRequest,
)
from certrail.services.facade import Services
from certrail_server.api.schemas.revocations import RevocationRequestOut


def revocation_answers(services: Services, rows: Sequence[RevocationRequest]) -> list[RevocationRequestOut]:
    """One for each row."""
    names = services.names.of(
        {
            Application: (row.application_id for row in rows),
            Principal: (row.requester_id for row in rows),
            Certificate: (row.certificate_id for row in rows),
            ApprovalRequest: (row.id for row in rows),
        }
    )
    return [
        RevocationRequestOut.of(
            row,
            application=names[Application].get(row.application_id or ""),
            certificate=names[Certificate][row.certificate_id],
            requester=names[Principal][row.requester_id],
            approval_request_id=names[ApprovalRequest].get(row.id),
        )
        for row in rows
    ]


def revocation_answer(services: Services, row: RevocationRequest) -> RevocationRequestOut:
    """For one row."""
    (answer,) = revocation_answers(services, [row])
    return answer
