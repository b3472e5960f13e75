"""Renewal preapprovals: one approval that covers a number of later renewals with the same content."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import ApprovalPolicy, ApprovalRequest, Certificate, CertificateRequest
from certrail.services.issuance.state import UNSUCCESSFUL


def find_preapproval(
    session: Session, request: CertificateRequest, policy: ApprovalPolicy, now: datetime
) -> ApprovalRequest | None:
    """The approval that covers a renewal: still young, not used up, under the same policy, for the same content."""
    if policy.renewal_preapproval is None or request.renews_id is None:
        return None
    present = session.get_one(Certificate, request.renews_id)
    before = session.get(CertificateRequest, present.request_id) if present.request_id else None
    if before is None or _what(before) != _what(request):
        return None
    base = _base(session, before)
    if base is None or base.status != ApprovalStatus.APPROVED or base.decided_at is None:
        return None
    same_policy = base.policy_id == policy.id and base.policy.get("version") == policy.version
    young = now <= base.decided_at + timedelta(days=policy.renewal_preapproval["days"])
    return (
        base
        if same_policy and young and _used(session, base) < policy.renewal_preapproval["renewals"]
        else None
    )


def _used(session: Session, base: ApprovalRequest) -> int:
    """How many renewals it covered; one that failed does not count."""
    query = select(func.count()).where(
        CertificateRequest.preapproval_id == base.id,
        col(CertificateRequest.status).not_in(UNSUCCESSFUL),
    )
    return session.exec(query).one()


def _base(session: Session, before: CertificateRequest) -> ApprovalRequest | None:
    if before.preapproval_id:
        return session.get(ApprovalRequest, before.preapproval_id)
    query = select(ApprovalRequest).where(ApprovalRequest.subject_id == before.id)
    return session.exec(query).first()


def _what(request: CertificateRequest) -> dict[str, Any]:
    """The approved content without the public key: a renewal usually has a new one."""
    return {
        "content": {name: value for name, value in request.content.items() if name != "csr"},
        "own key": bool(request.content.get("csr")),
        "profile": [request.profile_id, request.profile_version],
        "policy": request.policy_version,
        "application": request.application_id,
        "same key": request.same_key,
        "metadata": request.attributes,
    }
