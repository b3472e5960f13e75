"""ACME orders as subjects of approvals: names, profile and account; the key is not bound."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from certrail.domain.approval import (
    AUTHORITY,
    NONE,
    ApprovedContent,
    GuardedAction,
    lifetime_words,
    name_in_title,
    reference,
    unambiguous_list,
)
from certrail.domain.content import RequestContent, fitting_usages
from certrail.domain.policy import PolicyRules
from certrail.domain.states import ApprovalStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeAccount,
    AcmeOrderApproval,
    Application,
    ApprovalPolicy,
    ApprovalRequest,
    CertificatePolicy,
    CertificateProfile,
)
from certrail.services.approvals.subject import RowSubject
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.issuance.state import evaluate_policy
from certrail_sdk import Fact

ACME_ORDER = "acme_order"
LONGEST_COMMON_NAME = 64
"""Characters (RFC 5280 appendix A.1)."""


class OrderSubject(RowSubject[AcmeOrderApproval]):
    """Orders of one account for one set of names, as approvals see them: an `approvals.subject.Subject`."""

    type = ACME_ORDER
    action = GuardedAction.ISSUANCE

    def __init__(self, row: AcmeOrderApproval) -> None:
        super().__init__(row)
        self._content = RequestContent.model_validate(row.content)

    @property
    def profile_id(self) -> str | None:
        """The profile of the enrollment."""
        return self.row.profile_id

    @property
    def names(self) -> Sequence[str]:
        """Every name of the orders."""
        return [*self._content.sans.dns, *self._content.sans.ip]

    @property
    def is_authority(self) -> bool:
        """Whether the profile's defaults make it the certificate of an authority."""
        return self._content.basic_constraints.ca

    @property
    def lifetime(self) -> str:
        """How long the certificate is valid, in words."""
        return lifetime_words(self._content.ttl_seconds)

    @property
    def waiting(self) -> bool:
        """Whether it waits for approval."""
        return self.row.status == ApprovalStatus.OPEN

    def current_digest(self, session: Session, now: datetime, /) -> str:
        """The digest of what would be ordered now.

        Raises:
            PolicyViolation: the certificate policy denies it by now.
            Conflict: the authority cannot sign.
        """
        return self._current(session, now).digest()

    def bind(self, session: Session, now: datetime) -> None:
        """Bind votes to what would be ordered now. Raises as `current_digest`."""
        current = self._current(session, now)
        self.row.profile_version, self.row.policy_version = current.profile_version, current.policy_version
        self.row.digest = current.digest()

    def title(self) -> str:
        """The question of an approval message."""
        what = f"the {AUTHORITY} " if self.is_authority else ""
        return f"Approve ACME orders for {what}{name_in_title(self.display_name)}?"

    def facts(self, session: Session) -> Sequence[Fact]:
        """Everything that the digest covers, and who orders."""
        row = self.row
        profile = session.get_one(CertificateProfile, row.profile_id)
        application = session.get(Application, row.application_id) if row.application_id else None
        account = session.get_one(AcmeAccount, row.account_id)
        approved = self._approved(row.profile_version, row.policy_version)
        holds = "this account, these names and this profile; a later order with another key may use it"
        return [
            *approved.facts(reference(profile), reference(application) if application else NONE),
            Fact(label="Common name", value="one of the names, or none, as the client's CSR has it"),
            Fact(label="Holds for", value=holds),
            Fact(label="Account", value=f"{account.id}, contacts {unambiguous_list(account.contacts)}"),
        ]

    def covered_by(self, _uow: UnitOfWork, _policy: ApprovalPolicy, /) -> ApprovalRequest | None:
        """Nothing: an earlier approval is found before a new one is requested."""
        return None

    def on_decided(self, uow: UnitOfWork, status: str, _reason: str | None) -> None:
        """Take the end of its approval; orders that wait read it when their clients poll."""
        self.row.status = status
        uow.session.add(self.row)

    def execute(self, uow: UnitOfWork) -> None:
        """Nothing: the client that is still there, with its present key, uses the approval when it polls."""

    def on_reopened(self, uow: UnitOfWork, _reason: str) -> None:
        """Wait for approval of what would be ordered now.

        Raises:
            PolicyViolation: the certificate policy denies it by now.
            Conflict: the authority cannot sign.
        """
        self.bind(uow.session, uow.now)
        self.row.status = ApprovalStatus.OPEN
        uow.session.add(self.row)

    def signal(self, uow: UnitOfWork, reference: str) -> None:
        """Nothing: clients poll, and `OrderApprovals.run` applies the timers."""

    def _current(self, session: Session, now: datetime) -> ApprovedContent:
        profile = session.get_one(CertificateProfile, self.row.profile_id)
        rules = session.get_one(CertificatePolicy, profile.policy_id).rules
        possible = possible_content(self._content, PolicyRules.model_validate(rules))
        policy = evaluate_policy(session, profile, possible, now)
        return self._approved(profile.version, policy.version)

    def _approved(self, profile_version: int, policy_version: int) -> ApprovedContent:
        return ApprovedContent(
            content=self._content,
            profile_id=self.row.profile_id,
            profile_version=profile_version,
            policy_version=policy_version,
            application_id=self.row.application_id or "",
            account_id=self.row.account_id,
        )


def possible_content(content: RequestContent, rules: PolicyRules) -> RequestContent:
    """What a CSR could make of an order: its key's usages, and a common name where the certificate policy wants one."""
    usages = tuple(fitting_usages(content.key_algorithm, content.key_usages))
    subject = content.subject
    required = rules.subject.required if rules.subject else {}
    if "common_name" in required and subject.common_name is None:
        names = [name for name in (*content.sans.dns, *content.sans.ip) if len(name) <= LONGEST_COMMON_NAME]
        subject = subject.model_copy(update={"common_name": next(iter(names), None)})
    return content.model_copy(update={"key_usages": usages, "subject": subject})


class OrderSubjects:
    """Where order approvals come from: an `approvals.subject.SubjectType`."""

    name = ACME_ORDER

    def load(self, session: Session, ids: Sequence[str]) -> Mapping[str, OrderSubject]:
        """The subjects with these ids, unlocked."""
        rows = session.exec(select(AcmeOrderApproval).where(col(AcmeOrderApproval.id).in_(ids)))
        return {row.id: OrderSubject(row) for row in rows.all()}

    def lock(self, session: Session, ids: Sequence[str]) -> Mapping[str, OrderSubject]:
        """The same, `FOR NO KEY UPDATE`, in the order of their ids."""
        query = select(AcmeOrderApproval).where(col(AcmeOrderApproval.id).in_(ids))
        rows = session.exec(locked(query.order_by(col(AcmeOrderApproval.id))))
        return {row.id: OrderSubject(row) for row in rows.all()}
