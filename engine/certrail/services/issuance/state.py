"""What several steps do with a certificate request's row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, and_, col, select

from certrail.domain.approval import ApprovedContent
from certrail.domain.content import KeyAlgorithm, RequestContent
from certrail.domain.errors import NotFound, PolicyViolation
from certrail.domain.events.issuance import REQUEST_TRANSITIONS
from certrail.domain.policy import PolicyRules, decide
from certrail.domain.states import RequestStatus
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificateAuthority,
    CertificatePolicy,
    CertificateProfile,
    CertificateRequest,
    Enrollment,
)
from certrail.services.authorities.signing import active_certificate, remember_active
from certrail.services.catalog.enrollment import remember_enrollments
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.renewal_rounds import renewal_workflow
from certrail.services.inventory.renewal_schedule import note_failure

UNSUCCESSFUL = frozenset(
    {RequestStatus.REJECTED, RequestStatus.CANCELLED, RequestStatus.EXPIRED, RequestStatus.FAILED}
)
FINAL = UNSUCCESSFUL | {RequestStatus.ISSUED}


def evaluate_policy(
    session: Session, profile: CertificateProfile, content: RequestContent, now: datetime
) -> CertificatePolicy:
    """Evaluate the certificate policy with its present rules and issuer.

    Raises:
        PolicyViolation: with every violation.
        Conflict: the authority cannot sign.
    """
    policy = session.get_one(CertificatePolicy, profile.policy_id)
    rules = cached(session, ("rules", policy.id), lambda: PolicyRules.model_validate(policy.rules))
    issuer = active_certificate(session, profile.ca_id) if profile.ca_id else None
    violations = decide(
        content,
        rules,
        now=now,
        issuer_not_after=issuer.not_after if issuer else None,
        issuer_key_algorithm=_signing_algorithm(session, profile, content),
    )
    if violations:
        raise PolicyViolation(violations)
    return policy


def _signing_algorithm(
    session: Session, profile: CertificateProfile, content: RequestContent
) -> KeyAlgorithm:
    if profile.ca_id is None:
        return content.key_algorithm
    return KeyAlgorithm(session.get_one(CertificateAuthority, profile.ca_id).key_algorithm)


def display_name(row: CertificateRequest) -> str | None:
    """The common name, or else the first other name."""
    sans = row.content.get("sans", {}).values()
    names = (
        row.content.get("subject", {}).get("common_name"),
        *(name for group in sans for name in group or ()),
    )
    return next((name for name in names if name), None)


def lock_request(session: Session, request_id: str) -> CertificateRequest:
    """The row, held until the transaction ends. Raises NotFound."""
    row = session.exec(locked(select(CertificateRequest).where(CertificateRequest.id == request_id))).first()
    if row is None:
        raise NotFound("certificate request")
    return row


def transition(uow: UnitOfWork, row: CertificateRequest, status: str, reason: str | None = None) -> None:
    """Change a request's status, on record."""
    before, row.status, row.reason, row.updated_at = row.status, status, reason, uow.now
    uow.session.add(row)
    event = REQUEST_TRANSITIONS[status]
    uow.record(event(row.id, row.application_id, before=before, reason=reason, common_name=display_name(row)))
    if row.renews_id and status in UNSUCCESSFUL:
        renewed = uow.session.get_one(Certificate, row.renews_id)
        note_failure(uow, renewed, f"{status}: {reason}" if reason else status, request_id=row.id)


def is_independent(row: CertificateRequest) -> bool:
    """Whether it is approved, and nothing but itself has to be locked to issue it: no lineage, no preapproval."""
    return row.status == RequestStatus.APPROVED and row.renews_id is None and row.preapproval_id is None


def enqueue_issuance(
    uow: UnitOfWork, row: CertificateRequest, signal: str | None = None, *, in_bulk: bool = False
) -> None:
    """Start the request's workflow, or signal it that the request changed.

    Args:
        in_bulk: the request waits for nothing, so that one workflow may issue it together with others.
    """
    renewed = uow.session.get_one(Certificate, row.renews_id) if row.renews_id else None
    key = f"issuance-{row.application_id or ''}" if in_bulk else None
    uow.enqueue(replace(workflow_of(row, renewed), batch_key=key), signal=signal)


def workflow_of(row: CertificateRequest, renewed: Certificate | None) -> WorkflowStart:
    """The workflow that carries a request: one of its own, or that of its renewal round.

    Args:
        renewed: the certificate that it renews.
    """
    if renewed is not None and row.renewal_round is not None:
        return renewal_workflow(
            renewed.lineage_id,
            row.renewal_round,
            name=display_name(row) or row.id,
            application_id=row.application_id,
        )
    return WorkflowStart(
        flow="issuance",
        workflow_id=f"issuance-{row.id}",
        subject_id=row.id,
        summary=f"{'Renew' if renewed else 'Issue'} {display_name(row) or row.id}",
        application_id=row.application_id,
        # The first certificate of a lineage gives it the id of its request, so it is known before there is one.
        lineage_id=renewed.lineage_id if renewed else row.id,
    )


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """The content as it would be signed at one time; votes are bound to its digest."""

    digest: str
    profile_version: int
    policy_version: int


def current_snapshot(session: Session, row: CertificateRequest, now: datetime) -> PolicySnapshot:
    """What would be signed if it were signed now.

    Raises:
        PolicyViolation: it would not be signed at all any more.
        Conflict: the authority cannot sign.
    """
    # Loaded by one statement, and found in the session by what follows: every vote looks at all of it.
    profile = rules_of(session, row.profile_id, row.application_id).profile
    content = RequestContent.model_validate(row.content)
    policy = evaluate_policy(session, profile, content, now)
    found = approved_content(row, content, profile.version, policy.version).digest()
    return PolicySnapshot(found, profile.version, policy.version)


def approved_content(
    row: CertificateRequest, content: RequestContent, profile_version: int, policy_version: int
) -> ApprovedContent:
    """What a vote on a request is bound to, under these versions of its profile and policy."""
    return ApprovedContent(
        content=content,
        profile_id=row.profile_id,
        profile_version=profile_version,
        policy_version=policy_version,
        application_id=row.application_id or "",
        renews=row.renews_id,
        same_key=row.same_key,
        metadata=row.attributes,
    )


class ProfileRules(NamedTuple):
    """A profile with its policy, its authority, and the certificate that this one issues with."""

    profile: CertificateProfile
    policy: CertificatePolicy
    authority: CertificateAuthority | None
    issuer: CaCertificate | None


def rules_of(session: Session, profile_id: str, application_id: str | None) -> ProfileRules:
    """What a request is evaluated by, in one statement; within `session_cache` once a profile and Application."""
    key = ("rules of", profile_id, application_id)
    return cached(session, key, lambda: _rules_of(session, profile_id, application_id))


def _rules_of(session: Session, profile_id: str, application_id: str | None) -> ProfileRules:
    active = and_(
        col(CaCertificate.ca_id) == col(CertificateAuthority.id), col(CaCertificate.active).is_(True)
    )
    here = and_(
        col(Enrollment.profile_id) == col(CertificateProfile.id), Enrollment.application_id == application_id
    )
    query = (
        select(CertificateProfile, CertificatePolicy, CertificateAuthority, CaCertificate)
        .add_columns(Enrollment)
        .select_from(CertificateProfile)
        .join(CertificatePolicy, col(CertificatePolicy.id) == col(CertificateProfile.policy_id))
        .join(
            CertificateAuthority, col(CertificateAuthority.id) == col(CertificateProfile.ca_id), isouter=True
        )
        .join(CaCertificate, active, isouter=True)
        .join(Enrollment, here, isouter=True)
        .where(col(CertificateProfile.id) == profile_id)
    )
    rows = session.execute(query).all()  # one for each method of enrollment
    if not rows:
        raise NotFound("certificate profile")
    found = ProfileRules(*rows[0][:4])
    methods: Sequence[Enrollment | None] = [row[4] for row in rows]
    remember_enrollments(session, application_id, profile_id, [row for row in methods if row is not None])
    if found.authority is not None and found.issuer is not None:
        remember_active(session, found.authority, found.issuer)
    return found


def apply_snapshot(row: CertificateRequest, snapshot: PolicySnapshot) -> None:
    """Bind a request to the versions with which it would be signed now."""
    row.digest = snapshot.digest
    row.profile_version, row.policy_version = snapshot.profile_version, snapshot.policy_version
