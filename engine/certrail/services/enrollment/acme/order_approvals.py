"""Approvals of ACME orders: requested at newOrder, for an account, names and profile; a new key needs no new one.

Clients give up while people decide, and come back with a new order and a new key. So what is approved is a row of its
own, which each later order of the account for the same names finds; it is used up by the requests that it covers.
"""

from datetime import timedelta

from sqlmodel import Session, col, func, or_, select

from certrail.domain.content import RequestContent
from certrail.domain.states import ApprovalStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AcmeAccount,
    AcmeOrderApproval,
    ApprovalPolicy,
    ApprovalRequest,
    CertificateRequest,
)
from certrail.services.approvals.lifecycle import apply_timers, guarding_policy, open_approval
from certrail.services.approvals.store import approval_of, lock_approval
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.acme.order_subject import ACME_ORDER, OrderSubject
from certrail.services.issuance.state import UNSUCCESSFUL

LIFETIME = timedelta(days=7)
"""How long an approval may be used after it was given, where the approval policy has no lifetime of its own."""
AT_ONCE = 50


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
        content=content.model_copy(update={"csr": None}).model_dump(mode="json"),
        profile_version=0,
        policy_version=0,
        digest="",
    )
    subject = OrderSubject(row)
    if (policy := guarding_policy(uow.session, subject)) is None:
        return None
    subject.bind(uow.session, uow.now)
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
