"""Answers about certificate requests."""

from collections.abc import Sequence

from certrail.persistence.tables import (
    Application,
    ApprovalRequest,
    CertificateProfile,
    CertificateRequest,
    Principal,
)
from certrail.services.core.names import Found
from certrail.services.facade import Services
from certrail.services.issuance.requests import Submission
from certrail_server.api.schemas.requests import CertificateRequestOut


def request_answers(services: Services, rows: Sequence[CertificateRequest]) -> list[CertificateRequestOut]:
    """One for each row."""
    names = services.names.of(
        {
            Application: (row.application_id for row in rows),
            CertificateProfile: (row.profile_id for row in rows),
            Principal: (row.requester_id for row in rows),
            ApprovalRequest: (row.id for row in rows),
        }
    )
    return [
        CertificateRequestOut.about(
            row,
            application=names[Application].get(row.application_id or ""),
            profile=names[CertificateProfile][row.profile_id],
            requester=names[Principal][row.requester_id],
            approval_request_id=names[ApprovalRequest].get(row.id),
        )
        for row in rows
    ]


def accepted_answer(names: Found, accepted: Submission) -> CertificateRequestOut:
    """For a request that was just accepted.

    Args:
        names: of its Application and its requester, read before the write: the answer needs no third transaction.
    """
    row = accepted.request
    return CertificateRequestOut.about(
        row,
        application=names[Application].get(row.application_id or ""),
        profile=accepted.profile,
        requester=names[Principal][row.requester_id],
        approval_request_id=accepted.approval_id,
    )


def request_answer(services: Services, row: CertificateRequest) -> CertificateRequestOut:
    """For one row."""
    (answer,) = request_answers(services, [row])
    return answer
