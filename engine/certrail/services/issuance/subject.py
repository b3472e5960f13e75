"""Certificate requests as subjects of approvals."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from certrail.domain.approval import AUTHORITY, NONE, GuardedAction, lifetime_words, name_in_title, reference
from certrail.domain.content import RequestContent
from certrail.domain.states import RequestStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    Application,
    ApprovalPolicy,
    ApprovalRequest,
    Certificate,
    CertificateProfile,
    CertificateRequest,
    Principal,
)
from certrail.services.approvals.lifecycle import CHANGED, open_approval, reopen_if_changed
from certrail.services.approvals.store import Locked, approval_of
from certrail.services.approvals.subject import RowSubject
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.issuance.renewal_preapproval import find_preapproval
from certrail.services.issuance.state import (
    apply_snapshot,
    approved_content,
    current_snapshot,
    enqueue_issuance,
    transition,
)
from certrail_sdk import Fact

CERTIFICATE_REQUEST = "certificate_request"
Issue = Callable[[UnitOfWork, CertificateRequest], None]
"""Issues an approved request in the transaction of the vote, where that takes no time; else does nothing."""


class RequestSubject(RowSubject[CertificateRequest]):
    """A certificate request, as approvals see it: an `approvals.subject.Subject`."""

    type = CERTIFICATE_REQUEST
    action = GuardedAction.ISSUANCE

    def __init__(
        self, row: CertificateRequest, issue: Issue | None = None, covering: str | None = None
    ) -> None:
        """`covering` is the id of an approval that was given before the request came."""
        super().__init__(row)
        self._issue, self._covering = issue, covering

    @property
    def profile_id(self) -> str | None:
        """The profile that the request names."""
        return self.row.profile_id

    @property
    def origin_id(self) -> str:
        """Who submitted it; of an automatic renewal, who requested the certificate that is renewed."""
        return self.row.origin_by or self.row.requester_id

    @property
    def names(self) -> Sequence[str]:
        """Every requested name, each once, the common name first."""
        content = self.row.content
        common = (content.get("subject") or {}).get("common_name")
        others = [name for kind in (content.get("sans") or {}).values() for name in kind or ()]
        return list(dict.fromkeys(([common] if common else []) + others))

    @property
    def is_authority(self) -> bool:
        """Whether the certificate may sign others."""
        return bool((self.row.content.get("basic_constraints") or {}).get("ca"))

    @property
    def lifetime(self) -> str:
        """How long the certificate is valid, in words."""
        return lifetime_words(self.row.content["ttl_seconds"])

    @property
    def waiting(self) -> bool:
        """Whether the request waits for approval."""
        return self.row.status == RequestStatus.PENDING_APPROVAL

    def current_digest(self, session: Session, now: datetime) -> str:
        """The digest of what would be signed now.

        Raises:
            PolicyViolation: it would not be signed at all any more.
            Conflict: the authority cannot sign.
        """
        return current_snapshot(session, self.row, now).digest

    def title(self) -> str:
        """The question of an approval message."""
        if self.is_authority:
            return f"Approve a {AUTHORITY}, {name_in_title(self.display_name)}?"
        return f"Approve a certificate for {name_in_title(self.display_name)}?"

    def facts(self, session: Session) -> Sequence[Fact]:
        """Everything that the digest covers, and where the request comes from."""
        row = self.row
        profile = session.get_one(CertificateProfile, row.profile_id)
        application = session.get(Application, row.application_id) if row.application_id else None
        content = RequestContent.model_validate(row.content)
        approved = approved_content(row, content, row.profile_version, row.policy_version)
        origin = session.get(Principal, row.origin_by) if row.origin_by else None
        renewed = session.get(Certificate, row.renews_id) if row.renews_id else None
        return [
            *approved.facts(reference(profile), reference(application) if application else NONE),
            *([Fact(label="Serial number of the present one", value=renewed.serial)] if renewed else []),
            Fact(label="Origin", value=f"{row.origin}, {reference(origin) if origin else 'automatic'}"),
        ]

    def covered_by(self, uow: UnitOfWork, policy: ApprovalPolicy) -> ApprovalRequest | None:
        """An approval that was given before the request, or the preapproval of the certificate that it renews."""
        if self._covering is not None:
            found = uow.session.get(ApprovalRequest, self._covering)
        else:
            found = find_preapproval(uow.session, self.row, policy, uow.now)
        if found is not None:
            self.row.preapproval_id = found.id
            uow.session.add(self.row)
        return found

    def on_decided(self, uow: UnitOfWork, status: str, reason: str | None) -> None:
        """Move the request to the status that its approval ended in."""
        transition(uow, self.row, status, reason)

    def execute(self, uow: UnitOfWork) -> None:
        """Issue the certificate, where nothing has to be waited for."""
        if self._issue is not None:
            self._issue(uow, self.row)

    def on_reopened(self, uow: UnitOfWork, reason: str) -> None:
        """Wait for approval of what would be signed now.

        Raises:
            PolicyViolation: it would not be signed at all any more.
            Conflict: the authority cannot sign.
        """
        apply_snapshot(self.row, current_snapshot(uow.session, self.row, uow.now))
        if not self.waiting:
            transition(uow, self.row, RequestStatus.PENDING_APPROVAL, reason)
        uow.session.add(self.row)

    def signal(self, uow: UnitOfWork, reference: str) -> None:
        """Signal the request's workflow."""
        enqueue_issuance(uow, self.row, reference)


class RequestSubjects:
    """Where certificate requests come from: an `approvals.subject.SubjectType`."""

    name = CERTIFICATE_REQUEST

    def __init__(self, issue: Issue) -> None:
        self._issue = issue

    def load(self, session: Session, ids: Sequence[str]) -> Mapping[str, RequestSubject]:
        """The requests with these ids, unlocked."""
        rows = session.exec(select(CertificateRequest).where(col(CertificateRequest.id).in_(ids)))
        return {row.id: RequestSubject(row, self._issue) for row in rows.all()}

    def lock(self, session: Session, ids: Sequence[str]) -> Mapping[str, RequestSubject]:
        """The same, `FOR NO KEY UPDATE`, in the order of their ids."""
        query = select(CertificateRequest).where(col(CertificateRequest.id).in_(ids))
        rows = session.exec(locked(query.order_by(col(CertificateRequest.id))))
        return {row.id: RequestSubject(row, self._issue) for row in rows.all()}


def approval_for(session: Session, row: CertificateRequest) -> Locked | None:
    """A request's approval, if it has one. The caller has locked the request."""
    subject = RequestSubject(row)
    approval = approval_of(session, subject)
    return Locked(approval, subject) if approval else None


def approval_required_again(uow: UnitOfWork, row: CertificateRequest) -> bool:
    """Whether an approved request would be signed otherwise than it was approved, and so waits for approval again."""
    if (held := approval_for(uow.session, row)) is not None:
        return reopen_if_changed(uow, held)
    if row.preapproval_id is None:
        return False
    if current_snapshot(uow.session, row, uow.now).digest == row.digest:
        return False
    return open_if_required(uow, row, CHANGED)


def open_if_required(uow: UnitOfWork, row: CertificateRequest, reason: str) -> bool:
    """Open the approval that is required now for a request that has none; whether there is one."""
    apply_snapshot(row, current_snapshot(uow.session, row, uow.now))
    row.preapproval_id = None
    if open_approval(uow, RequestSubject(row)) is None:
        return False
    transition(uow, row, RequestStatus.PENDING_APPROVAL, reason)
    return True
