"""An approval from its opening to its end: opened, reminded, advanced step by step, reopened, closed."""

from datetime import datetime, timedelta

from sqlmodel import Session, select

from certrail.domain.access import AGENT, ENROLLMENT_CLIENT
from certrail.domain.approval import GuardedAction
from certrail.domain.errors import Conflict
from certrail.domain.events.approvals import (
    APPROVAL_ENDS,
    ApprovalBypassed,
    ApprovalOpened,
    ApprovalPreapproved,
    ApprovalReminder,
    ApprovalReopened,
    ApprovalStepCompleted,
)
from certrail.domain.states import ApprovalStatus
from certrail.persistence.database import cached
from certrail.persistence.tables import (
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    Principal,
    Vote,
)
from certrail.services.approvals.ballot import ballot_of, waiting_facts
from certrail.services.approvals.eligibility import Eligibility
from certrail.services.approvals.prompts import open_prompts, refresh_messages
from certrail.services.approvals.store import Locked, current_step, has_expired
from certrail.services.approvals.subject import Subject
from certrail.services.core.unit_of_work import UnitOfWork

CHANGED = "the content changed after approval was requested"


def open_approval(uow: UnitOfWork, subject: Subject) -> ApprovalRequest | None:
    """Open the approval that the Application's policy requires for this subject, if any.

    Raises:
        Conflict: some step can never reach its quorum.
    """
    policy = guarding_policy(uow.session, subject)
    if policy is None:
        return None
    origin = uow.session.get_one(Principal, subject.origin_id)
    if is_bypassed(origin.kind, policy):
        uow.record(
            ApprovalBypassed(
                policy.id,
                subject.application_id,
                policy=policy.slug,
                request_type=subject.type,
                request_id=subject.id,
            )
        )
        return None
    if (covering := subject.covered_by(uow, policy)) is not None:
        uow.record(
            ApprovalPreapproved(
                covering.id, subject.application_id, request_type=subject.type, request_id=subject.id
            )
        )
        return None
    approval = ApprovalRequest(
        id=uow.new_id(),
        created_at=uow.now,
        application_id=subject.application_id,
        subject_type=subject.type,
        subject_id=subject.id,
        policy_id=policy.id,
        policy=policy.model_dump(mode="json", exclude={"created_at"}),
        digest=subject.digest,
        requester_id=subject.requester_id,
        expires_at=_after(uow.now, policy.request_ttl_seconds),
        remind_at=_after(uow.now, policy.reminder_seconds),
    )
    eligibility = _refuse_unreachable(uow.session, approval)
    uow.session.add(approval)
    uow.record(
        ApprovalOpened(
            approval.id,
            subject.application_id,
            policy=policy.slug,
            request_type=subject.type,
            request_id=subject.id,
            steps=[{"name": s["name"], "quorum": s["quorum"]} for s in policy.steps],
            **waiting_facts(uow.session, approval, subject, ballot_of(uow.session, approval, eligibility)),
        )
    )
    open_prompts(uow, approval)
    return approval


def is_bypassed(kind: str, policy: ApprovalPolicy) -> bool:
    """Whether the policy lets principals of a kind pass: machine identities, or what was enrolled, agents included."""
    if kind == "machine":
        return policy.bypass_machine_identities
    return kind in (ENROLLMENT_CLIENT, AGENT) and policy.bypass_enrollment_clients


def guarding_policy(session: Session, subject: Subject) -> ApprovalPolicy | None:
    """The policy that guards this action on the subject's profile in its Application."""
    if subject.profile_id is None:
        return None
    scope, profile, action = subject.application_id or "", subject.profile_id, subject.action
    return cached(session, ("guard", scope, profile, action), lambda: _guard(session, scope, profile, action))


def _guard(session: Session, scope: str, profile_id: str, action: GuardedAction) -> ApprovalPolicy | None:
    guards = select(ApprovalPolicyProfile.policy_id).where(
        ApprovalPolicyProfile.scope == scope,
        ApprovalPolicyProfile.profile_id == profile_id,
        ApprovalPolicyProfile.action == action,
    )
    return session.exec(select(ApprovalPolicy).where(ApprovalPolicy.id == guards.scalar_subquery())).first()


def close(uow: UnitOfWork, held: Locked, status: str, by: str | None, comment: str | None) -> None:
    """End an approval, move its subject along, and refresh every approval message."""
    approval, subject = held
    approval.status = status
    approval.decided_at = uow.now
    approval.decided_by = by
    approval.comment = comment
    uow.session.add(approval)
    if subject.waiting:
        subject.on_decided(uow, status, comment)
    uow.record(
        APPROVAL_ENDS[status](
            approval.id,
            approval.application_id,
            request_type=subject.type,
            request_id=subject.id,
            common_name=subject.display_name,
            comment=comment,
        )
    )
    refresh_messages(uow, [approval], closed=True)
    # A signal's reference is taken once: with the round in it, a later round that ends alike signals again.
    subject.signal(uow, f"{approval.id}-{approval.round}-{status}")


def reopen(uow: UnitOfWork, held: Locked, reason: str) -> None:
    """Begin a new round without votes: the approved content is not what would be done now.

    Raises:
        Conflict: some step can never reach its quorum any more.
        CertrailError: the content can no longer be issued or revoked at all.
    """
    approval, subject = held
    refresh_messages(uow, [approval])
    if approval.status != ApprovalStatus.OPEN:
        approval.status = ApprovalStatus.OPEN
        approval.decided_at = approval.decided_by = approval.comment = None
        approval.expires_at = _after(uow.now, approval.policy.get("request_ttl_seconds"))
        approval.remind_at = _after(uow.now, approval.policy.get("reminder_seconds"))
    approval.round += 1
    approval.current_step, approval.unreachable_step = 0, None
    subject.on_reopened(uow, reason)
    approval.digest = subject.digest
    uow.session.add(approval)
    _refuse_unreachable(uow.session, approval)
    uow.record(
        ApprovalReopened(
            approval.id,
            approval.application_id,
            round=approval.round,
            reason=reason,
            common_name=subject.display_name,
        )
    )
    open_prompts(uow, approval)


def reopen_if_changed(uow: UnitOfWork, held: Locked) -> bool:
    """Reopen an approval whose digest is not that of what would be done now; whether it was reopened.

    Raises:
        CertrailError: the content can no longer be issued or revoked at all.
    """
    if held.subject.current_digest(uow.session, uow.now) == held.approval.digest:
        return False
    reopen(uow, held, CHANGED)
    return True


def apply_timers(uow: UnitOfWork, held: Locked) -> datetime | None:
    """Expire or remind when it is time; returns when to look again."""
    approval = held.approval
    if approval.status != ApprovalStatus.OPEN:
        return None
    if has_expired(approval, uow.now):
        close(uow, held, ApprovalStatus.EXPIRED, None, "nobody decided in time")
        return None
    if approval.remind_at and approval.remind_at <= uow.now:
        approval.remind_at = _after(uow.now, approval.policy.get("reminder_seconds"))
        uow.session.add(approval)
        _remind(uow, held)
    return min((at for at in (approval.expires_at, approval.remind_at) if at), default=None)


def _remind(uow: UnitOfWork, held: Locked) -> None:
    """Post a message of its own: one that is edited notifies nobody."""
    approval, subject = held
    ballot = ballot_of(uow.session, approval)
    step = current_step(approval)
    uow.record(
        ApprovalReminder(
            approval.id,
            approval.application_id,
            step=step["name"],
            message=f"{ballot.given} of {ballot.needed} approvals so far",
            channels=list(step.get("channels", ())),
            **waiting_facts(uow.session, approval, subject, ballot),
        )
    )


def advance_step(uow: UnitOfWork, held: Locked, vote: Vote | None) -> None:
    """Complete a step whose quorum is reached: on to the next one, or approved."""
    approval = held.approval
    if approval.current_step + 1 == len(approval.policy["steps"]):
        by, comment = (vote.principal_id, vote.comment or None) if vote else (None, "its votes count again")
        close(uow, held, ApprovalStatus.APPROVED, by, comment)
        return
    uow.record(ApprovalStepCompleted(approval.id, approval.application_id, step=approval.current_step))
    refresh_messages(uow, [approval])
    approval.current_step += 1
    uow.session.add(approval)
    open_prompts(uow, approval)


def _refuse_unreachable(session: Session, approval: ApprovalRequest) -> Eligibility:
    eligibility = Eligibility(session, [approval])
    number = eligibility.unreachable(approval)
    if number is not None:
        step, able = approval.policy["steps"][number], len(eligibility.of(approval, number))
        raise Conflict(
            f"Step {number + 1} ({step['name']}) needs {step['quorum']} approvals, but only {able} of its "
            "approvers may vote on this request. Ask an Application Admin to change the approval policy.",
            kind="quorum-unreachable",
        )
    return eligibility


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return now + timedelta(seconds=seconds) if seconds else None
