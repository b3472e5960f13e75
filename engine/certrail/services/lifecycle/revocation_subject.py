"""Revocation requests as subjects of approvals, and the transitions of their rows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.domain.approval import (
    AUTHORITY,
    NONE,
    GuardedAction,
    name_in_title,
    reference,
    unambiguous,
    unambiguous_list,
)
from certrail.domain.errors import Conflict
from certrail.domain.events.lifecycle import REVOCATION_TRANSITIONS
from certrail.domain.states import CertificateStatus, RevocationStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    Application,
    ApprovalPolicy,
    ApprovalRequest,
    Certificate,
    CertificateProfile,
    Delivery,
    RevocationRequest,
    Sync,
)
from certrail.pki.chain import may_issue
from certrail.pki.revocation import Reason
from certrail.services.approvals.store import Locked, approval_of
from certrail.services.approvals.subject import RowSubject
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import UnitOfWork
from certrail_sdk import Fact

REVOCATION_REQUEST = "revocation_request"


class RevocationSubject(RowSubject[RevocationRequest]):
    """A revocation request and its certificate, as approvals see them: an `approvals.subject.Subject`."""

    type = REVOCATION_REQUEST
    action = GuardedAction.REVOCATION

    def __init__(self, row: RevocationRequest, certificate: Certificate) -> None:
        super().__init__(row)
        self.certificate = certificate

    @property
    def profile_id(self) -> str | None:
        """The profile that the certificate was issued under."""
        return self.certificate.profile_id

    @property
    def is_authority(self) -> bool:
        """Whether the certificate may sign others."""
        return may_issue(self._x509)

    @property
    def lifetime(self) -> None:
        """Nothing: the lifetime is not what is decided."""
        return None

    @property
    def _x509(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.pem.encode())

    @property
    def names(self) -> Sequence[str]:
        """Every name on the certificate, each once, the common name first."""
        common = [self.certificate.common_name] if self.certificate.common_name else []
        return list(dict.fromkeys((*common, *chain.from_iterable(self.certificate.names.values()))))

    @property
    def waiting(self) -> bool:
        """Whether the request waits for approval."""
        return self.row.status == RevocationStatus.PENDING_APPROVAL

    def current_digest(self, _session: Session | None = None, _now: datetime | None = None, /) -> str:
        """The digest of what would be revoked now. Raises Conflict when there is nothing left to revoke."""
        refuse_revoked(self.certificate, Reason(self.row.revocation_reason))
        return digest_of(self.row, self.certificate)

    def title(self) -> str:
        """The question of an approval message."""
        what = (
            f"the {AUTHORITY} {name_in_title(self.display_name)}"
            if self.is_authority
            else name_in_title(self.display_name)
        )
        return f"Approve the revocation of {what}?"

    def facts(self, session: Session) -> Sequence[Fact]:
        """Everything that the digest covers: what is revoked and why; and where it is in use."""
        certificate = self.certificate
        application = session.get(Application, self.row.application_id) if self.row.application_id else None
        delivered = (
            select(Sync.name)
            .join(Delivery, col(Delivery.sync_id) == col(Sync.id))
            .where(Delivery.delivered_certificate_id == certificate.id)
        )
        profile = session.get(CertificateProfile, certificate.profile_id) if certificate.profile_id else None
        pairs = (
            ("Certificate", AUTHORITY if self.is_authority else "end entity"),
            ("Names", unambiguous_list(self.names)),
            ("Issuer", unambiguous(self._x509.issuer.rfc4514_string())),
            ("Serial number", certificate.serial),
            ("SHA-256 fingerprint", certificate.fingerprint),
            ("Key", certificate.key_algorithm),
            ("Profile", reference(profile) if profile else NONE),
            ("Application", reference(application) if application else NONE),
            ("Status", certificate.status),
            ("Valid until", certificate.not_after.strftime("%Y-%m-%d %H:%M UTC")),
            ("Revocation reason", self.row.revocation_reason),
            ("Delivered by", unambiguous_list(session.exec(delivered.order_by(Sync.name)).all())),
        )
        return [Fact(label=label, value=value) for label, value in pairs]

    def covered_by(self, _uow: UnitOfWork, _policy: ApprovalPolicy, /) -> ApprovalRequest | None:
        """Nothing: every revocation is approved by itself."""
        return None

    def on_decided(self, uow: UnitOfWork, status: str, reason: str | None) -> None:
        """Move the request to the status that its approval ended in."""
        transition(uow, self, RevocationStatus(status), reason)

    def execute(self, uow: UnitOfWork) -> None:
        """Nothing: a revocation locks the lineage before the request, which the vote has locked already."""

    def on_reopened(self, uow: UnitOfWork, reason: str) -> None:
        """Wait for approval of what would be revoked now. Raises Conflict when there is nothing left to revoke."""
        self.row.digest = self.current_digest()
        if not self.waiting:
            transition(uow, self, RevocationStatus.PENDING_APPROVAL, reason)
        uow.session.add(self.row)

    def signal(self, uow: UnitOfWork, reference: str | None = None) -> None:
        """Start the request's workflow, or signal it that something changed."""
        uow.enqueue(self.workflow(), signal=reference)

    def workflow(self) -> WorkflowStart:
        """The workflow that carries the request."""
        return WorkflowStart(
            flow="revocation",
            workflow_id=f"revocation-{self.row.id}",
            subject_id=self.row.id,
            summary=f"Revoke {self.display_name or self.certificate.serial}",
            application_id=self.row.application_id,
            lineage_id=self.certificate.lineage_id,
        )


class RevocationSubjects:
    """Where revocation requests come from: an `approvals.subject.SubjectType`."""

    name = REVOCATION_REQUEST

    def load(self, session: Session, ids: Sequence[str]) -> Mapping[str, RevocationSubject]:
        """The requests with these ids, unlocked."""
        query = (
            select(RevocationRequest, Certificate)
            .join(Certificate, col(Certificate.id) == col(RevocationRequest.certificate_id))
            .where(col(RevocationRequest.id).in_(ids))
        )
        return {row.id: RevocationSubject(row, certificate) for row, certificate in session.exec(query).all()}

    def lock(self, session: Session, ids: Sequence[str]) -> Mapping[str, RevocationSubject]:
        """The same, the requests `FOR NO KEY UPDATE` in the order of their ids.

        Whoever needs the lineage as well has locked it before (`lock_lineage`); a vote changes no certificate.
        """
        query = select(RevocationRequest).where(col(RevocationRequest.id).in_(ids))
        rows = session.exec(locked(query.order_by(col(RevocationRequest.id)))).all()
        wanted = select(Certificate).where(col(Certificate.id).in_([row.certificate_id for row in rows]))
        certificates = {row.id: row for row in session.exec(wanted).all()}
        return {row.id: RevocationSubject(row, certificates[row.certificate_id]) for row in rows}


def approval_for(session: Session, subject: RevocationSubject) -> Locked | None:
    """The approval of a revocation request, if it has one. The caller has locked the request."""
    approval = approval_of(session, subject)
    return Locked(approval, subject) if approval else None


def transition(
    uow: UnitOfWork, subject: RevocationSubject, status: RevocationStatus, reason: str | None = None
) -> None:
    """Change a request's status, on record."""
    row, certificate = subject.row, subject.certificate
    before, row.status, row.reason, row.updated_at = row.status, status, reason, uow.now
    uow.session.add(row)
    uow.record(
        REVOCATION_TRANSITIONS[status](
            row.id,
            row.application_id,
            certificate_id=certificate.id,
            lineage_id=certificate.lineage_id,
            common_name=subject.display_name,
            before=before,
            reason=reason,
        )
    )


def refuse_revoked(certificate: Certificate, reason: Reason) -> None:
    """Raises Conflict when the certificate is revoked, or held and to be held."""
    held = certificate.status == CertificateStatus.HELD and reason is Reason.CERTIFICATE_HOLD
    if certificate.status == CertificateStatus.REVOKED or held:
        raise Conflict(f"The certificate is {certificate.status} already.", kind="revoked")


def digest_of(row: RevocationRequest, certificate: Certificate) -> str:
    """What a vote is bound to: this certificate, for this reason, in the status that approvers saw it in.

    A certificate that was superseded or put on hold meanwhile is another decision, so everybody is asked again.
    """
    content = {
        "application": row.application_id,
        "certificate": certificate.fingerprint,
        "reason": row.revocation_reason,
        "status": certificate.status,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
