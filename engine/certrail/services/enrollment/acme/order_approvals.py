"""Approvals of ACME orders: requested at newOrder, for an account, names and profile; a new key needs no new one.

Clients give up while people decide, and come back with a new order and a new key. So what is approved is a row of its
own, which each later order of the account for the same names finds; it is used up by the requests that it covers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, or_, select

from certrail.domain.approval import (
    NONE,
    GuardedAction,
    lifetime_words,
    name_in_title,
    reference,
    unambiguous_list,
)
from certrail.domain.content import RequestContent
from certrail.domain.states import ApprovalStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeAccount,
    AcmeOrderApproval,
    Application,
    ApprovalPolicy,
    ApprovalRequest,
    CertificateProfile,
    CertificateRequest,
)
from certrail.services.approvals.lifecycle import apply_timers, guarding_policy, open_approval
from certrail.services.approvals.store import approval_of, lock_approval
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.issuance.state import UNSUCCESSFUL, evaluate_policy
from certrail_sdk import Fact

ACME_ORDER = "acme_order"
LIFETIME = timedelta(days=7)
"""How long an approval may be used after it was given, where the approval policy has no lifetime of its own."""
AT_ONCE = 50


class OrderSubject:
    """Orders of one account for one set of names, as approvals see them: an `approvals.subject.Subject`."""

    type = ACME_ORDER
    action = GuardedAction.ISSUANCE

    def __init__(self, row: AcmeOrderApproval) -> None:
        self.row = row
        self._content = RequestContent.model_validate(row.content)

    @property
    def id(self) -> str:
        """The id of the row."""
        return self.row.id

    @property
    def application_id(self) -> str | None:
        """The Application of the enrollment."""
        return self.row.application_id

    @property
    def profile_id(self) -> str | None:
        """The profile of the enrollment."""
        return self.row.profile_id

    @property
    def requester_id(self) -> str:
        """The principal of the account."""
        return self.row.requester_id

    @property
    def origin_id(self) -> str:
        """The principal of the account."""
        return self.row.requester_id

    @property
    def display_name(self) -> str | None:
        """The first name."""
        return next(iter(self.names), None)

    @property
    def names(self) -> Sequence[str]:
        """Every name of the orders."""
        return [*self._content.sans.dns, *self._content.sans.ip]

    @property
    def is_authority(self) -> bool:
        """Never: the profile's defaults decide what else is in the certificate."""
        return self._content.basic_constraints.ca

    @property
    def lifetime(self) -> str:
        """How long the certificate is valid, in words."""
        return lifetime_words(self._content.ttl_seconds)

    @property
    def digest(self) -> str:
        """The digest of what votes are bound to."""
        return self.row.digest

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
        profile = session.get_one(CertificateProfile, self.row.profile_id)
        policy = evaluate_policy(session, profile, self._content, now)
        return digest_of(self.row, profile.version, policy.version)

    def title(self) -> str:
        """The question of an approval message."""
        return f"Approve ACME orders for {name_in_title(self.display_name)}?"

    def facts(self, session: Session) -> Sequence[Fact]:
        """Everything that the digest covers, and who orders."""
        row, content = self.row, self._content
        profile = session.get_one(CertificateProfile, row.profile_id)
        application = session.get(Application, row.application_id) if row.application_id else None
        account = session.get_one(AcmeAccount, row.account_id)
        pairs = (
            ("Certificate", "end entity"),
            (f"Names ({len(self.names)})", unambiguous_list(self.names)),
            ("Key usages", unambiguous_list(content.key_usages)),
            ("Extended key usages", unambiguous_list(content.extended_key_usages)),
            ("Key", "made and held by the client; it may change until the certificate is issued"),
            ("Lifetime", self.lifetime),
            ("Used", "for one certificate, also by a later order of the same account for the same names"),
            ("Profile", f"{reference(profile)}, version {profile.version}"),
            ("Application", reference(application) if application else NONE),
            ("Account", f"{account.id}, contacts {unambiguous_list(account.contacts)}"),
        )
        return [Fact(label=label, value=value) for label, value in pairs]

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
        self.row.digest = self.current_digest(uow.session, uow.now)
        self.row.status = ApprovalStatus.OPEN
        uow.session.add(self.row)

    def signal(self, uow: UnitOfWork, reference: str) -> None:
        """Nothing: clients poll, and `OrderApprovals.run` applies the timers."""


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


class OrderApprovals:
    """The timers of approvals whose subject has no workflow."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def run(self) -> int:
        """Expire or remind what is due; returns how many."""
        now = self._context.clock()
        due = or_(col(ApprovalRequest.expires_at) <= now, col(ApprovalRequest.remind_at) <= now)
        query = select(ApprovalRequest.id).where(
            ApprovalRequest.status == ApprovalStatus.OPEN, ApprovalRequest.subject_type == ACME_ORDER, due
        )
        with self._context.db.read() as session:
            ids = session.exec(query.limit(AT_ONCE)).all()
        for ident in ids:
            with self._context.unit_of_work(SYSTEM) as uow:
                if (held := lock_approval(uow, ident)) is not None:
                    apply_timers(uow, held)
        return len(ids)


def approval_for_order(
    uow: UnitOfWork, account: AcmeAccount, names: str, content: RequestContent
) -> AcmeOrderApproval | None:
    """What an order waits for, or is covered by: an earlier approval that is open or may still be used, or a new one.

    ``None`` where no policy guards the profile, or the policy lets enrollment clients pass.

    Args:
        names: of the order, as `names_key` writes them.
        content: what is signed but for the key.

    Raises:
        PolicyViolation: the certificate policy denies it.
        Conflict: the authority cannot sign, or no approval could ever succeed.
    """
    row = AcmeOrderApproval(
        id=uow.new_id(),
        created_at=uow.now,
        application_id=account.application_id,
        profile_id=account.profile_id,
        account_id=account.id,
        requester_id=account.principal_id,
        names=names,
        status=ApprovalStatus.OPEN,
        content=content.model_dump(mode="json"),
        digest="",
    )
    subject = OrderSubject(row)
    if (policy := guarding_policy(uow.session, subject)) is None:
        return None
    row.digest = subject.current_digest(uow.session, uow.now)
    if (earlier := _earlier(uow, row, policy)) is not None:
        return earlier
    uow.session.add(row)
    uow.session.flush()
    if open_approval(uow, subject) is None:
        uow.session.delete(row)
        return None
    return row


def lock_order_approval(session: Session, ident: str) -> AcmeOrderApproval:
    """The row, held until the transaction ends: two orders at the same time use it one after the other."""
    return session.exec(locked(select(AcmeOrderApproval).where(AcmeOrderApproval.id == ident))).one()


def usable_approval(uow: UnitOfWork, row: AcmeOrderApproval) -> str | None:
    """The id of the approval that covers one more request; ``None`` where it is used up, too old, or for other content.

    The caller holds the row.
    """
    subject = OrderSubject(row)
    approval = approval_of(uow.session, subject)
    policy = guarding_policy(uow.session, subject)
    if approval is None or policy is None or row.digest != subject.current_digest(uow.session, uow.now):
        return None
    return approval.id if _may_cover(uow, approval, policy) else None


def digest_of(row: AcmeOrderApproval, profile_version: int, policy_version: int) -> str:
    """SHA-256, hex, over everything that a vote says yes to; the key is not among it."""
    content = {name: value for name, value in row.content.items() if name not in ("csr", "key_algorithm")}
    bound = {
        "content": content,
        "profile": [row.profile_id, profile_version],
        "policy_version": policy_version,
        "application": row.application_id or "",
        "account": row.account_id,
    }
    return hashlib.sha256(json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _earlier(uow: UnitOfWork, row: AcmeOrderApproval, policy: ApprovalPolicy) -> AcmeOrderApproval | None:
    query = (
        select(AcmeOrderApproval, ApprovalRequest)
        .join(ApprovalRequest, col(ApprovalRequest.subject_id) == col(AcmeOrderApproval.id))
        .where(
            ApprovalRequest.subject_type == ACME_ORDER,
            AcmeOrderApproval.account_id == row.account_id,
            AcmeOrderApproval.names == row.names,
            AcmeOrderApproval.digest == row.digest,
            col(AcmeOrderApproval.status).in_((ApprovalStatus.OPEN, ApprovalStatus.APPROVED)),
        )
        .order_by(col(AcmeOrderApproval.created_at).desc())
    )
    for known, approval in uow.session.exec(query.limit(AT_ONCE)).all():
        if known.status == ApprovalStatus.OPEN or _may_cover(uow, approval, policy):
            return known
    return None


def _may_cover(uow: UnitOfWork, approval: ApprovalRequest, policy: ApprovalPolicy) -> bool:
    """Whether an approval that was given covers one more request.

    It covers one within its lifetime, and where the policy has a renewal preapproval as many renewals as that says.
    """
    if approval.status != ApprovalStatus.APPROVED or approval.decided_at is None:
        return False
    used = select(func.count()).where(
        CertificateRequest.preapproval_id == approval.id,
        col(CertificateRequest.status).not_in(UNSUCCESSFUL),
    )
    uses = uow.session.exec(used).one()
    if uses == 0:
        seconds = approval.policy.get("request_ttl_seconds")
        return uow.now <= approval.decided_at + (timedelta(seconds=seconds) if seconds else LIFETIME)
    renewals = policy.renewal_preapproval
    if renewals is None or approval.policy.get("version") != policy.version:
        return False
    return uses <= renewals["renewals"] and uow.now <= approval.decided_at + timedelta(days=renewals["days"])
