"""Acceptance of a request: policy evaluated, row stored, approval opened, workflow enqueued, in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from certrail.domain.content import RequestContent
from certrail.domain.enrollment import RequestOrigin
from certrail.domain.errors import BadInput, PolicyViolation
from certrail.domain.events.issuance import RequestCreated, RequestedFacts, RequestRefused
from certrail.domain.states import RequestStatus
from certrail.persistence.tables import (
    Certificate,
    CertificatePolicy,
    CertificateProfile,
    CertificateRequest,
)
from certrail.pki.csr import accepted_csr
from certrail.services.access.confinement import refuse_outside
from certrail.services.approvals.lifecycle import open_approval
from certrail.services.authorities.compromised_keys import key_of, refuse_unsafe_key
from certrail.services.authorities.signing import active_certificate
from certrail.services.authorities.signing_port import key_name, remote_signer_of
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.issuance.state import (
    approved_content,
    enqueue_issuance,
    evaluate_policy,
    is_independent,
)
from certrail.services.issuance.subject import RequestSubject


class Accepted(NamedTuple):
    """A stored request, and the id of the approval that it waits for, if any."""

    request: CertificateRequest
    approval_id: str | None


def accept(
    uow: UnitOfWork,
    application_id: str | None,
    profile: CertificateProfile,
    content: RequestContent,
    attributes: dict[str, str],
    *,
    origin: RequestOrigin,
    renews: Certificate | None = None,
    same_key: bool = False,
    requester_id: str | None = None,
    start: bool = True,
    covering: str | None = None,
) -> Accepted:
    """Store a request in the caller's transaction.

    Args:
        origin: what it comes from; the actor is behind it.
        renews: the certificate that the new one supersedes.
        same_key: keep the private key of that certificate.
        requester_id: the requester, when it is not the actor.
        start: whether its workflow is enqueued.
        covering: id of an approval that was given for it before it came.

    Raises:
        Forbidden: an agent requests what it was not enrolled for.
        BadInput: this profile can never sign such a request, or the CSR's key has a known weakness.
        PolicyViolation: the certificate policy denies it.
        Conflict: no approval could ever succeed, the authority cannot sign, or the CSR's key is compromised.
    """
    requester_id = requester_id or uow.actor.principal_id
    assert requester_id is not None
    refuse_outside(uow.actor, application_id, profile.id, content)
    policy = refuse_unacceptable(uow.context, uow.session, profile, content, uow.now)
    if not content.csr and same_key and renews and (key := key_of(renews)):
        refuse_unsafe_key(uow.context, uow.session, key, "same_key")
    row = CertificateRequest(
        id=uow.new_id(),
        created_at=uow.now,
        updated_at=uow.now,
        application_id=application_id,
        profile_id=profile.id,
        requester_id=requester_id,
        origin=origin,
        origin_by=uow.actor.principal_id,
        status=RequestStatus.APPROVED,
        content=content.model_dump(mode="json"),
        digest="",
        policy_version=policy.version,
        profile_version=profile.version,
        attributes=attributes,
        renews_id=renews.id if renews else None,
        same_key=same_key,
    )
    row.digest = approved_content(row, content, profile.version, policy.version).digest()
    uow.session.add(row)
    approval = open_approval(uow, RequestSubject(row, covering=covering))
    if approval is not None:
        row.status = RequestStatus.PENDING_APPROVAL
        uow.session.add(row)
    uow.record(
        RequestCreated(
            row.id,
            application_id,
            profile=profile.slug,
            status=row.status,
            digest=row.digest,
            **_facts_of(content, renews),
        )
    )
    if start:
        enqueue_issuance(uow, row, in_bulk=_waits_for_nothing(uow, row, profile))
    return Accepted(row, approval.id if approval else None)


def refuse_unacceptable(
    context: ServiceContext,
    session: Session,
    profile: CertificateProfile,
    content: RequestContent,
    now: datetime,
) -> CertificatePolicy:
    """Refuse what could never be accepted; returns the certificate policy that was evaluated.

    Raises:
        BadInput: this profile can never sign such a request, or the CSR's key has a known weakness.
        PolicyViolation: the certificate policy denies it.
        Conflict: the authority cannot sign, or the CSR's key is compromised.
    """
    _refuse_impossible(profile, content)
    if content.csr:
        refuse_unsafe_key(context, session, accepted_csr(content.csr).public_key)
    return evaluate_policy(session, profile, content, now)


def _waits_for_nothing(uow: UnitOfWork, row: CertificateRequest, profile: CertificateProfile) -> bool:
    """Whether one workflow may issue it together with others: no approval, no lineage to lock, no remote signer."""
    if not is_independent(row):
        return False
    if profile.ca_id is None:
        return True
    issuer = active_certificate(uow.session, profile.ca_id)
    return remote_signer_of(uow.context, uow.session, key_name(issuer)) is None


@contextmanager
def refusals_recorded(
    context: ServiceContext,
    actor: Actor,
    application_id: str | None,
    profile: CertificateProfile,
    content: RequestContent,
    renews: Certificate | None = None,
) -> Iterator[None]:
    """Record that a policy denied a request, in a second transaction: the first one was rolled back."""
    try:
        yield
    except PolicyViolation as refusal:
        with context.unit_of_work(actor) as uow:
            uow.record(
                RequestRefused(
                    profile.id,
                    application_id,
                    profile=profile.slug,
                    **_facts_of(content, renews),
                    violations=refusal.violations,
                )
            )
        raise


def _facts_of(content: RequestContent, renews: Certificate | None) -> RequestedFacts:
    return RequestedFacts(
        common_name=content.subject.common_name,
        dns_names=list(content.sans.dns),
        renews=renews.id if renews else None,
        lineage_id=renews.lineage_id if renews else None,
    )


def _refuse_impossible(profile: CertificateProfile, content: RequestContent) -> None:
    if profile.issuer_type != "self-signed":
        return
    if content.csr:
        raise BadInput("A certificate that signs itself needs its key here; leave the CSR out.", "csr")
    if content.subject.is_empty():
        raise BadInput("A certificate that signs itself needs a subject, which is its issuer too.", "subject")
