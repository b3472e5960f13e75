"""The life of an approval between the votes: opened, asked, reminded, closed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from certrail.domain.access import Role
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
from certrail.persistence.database import cached
from certrail.persistence.tables import (
    ApprovalMessage,
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    CertificateProfile,
    CertificateRequest,
    Channel,
    Principal,
    Vote,
)
from certrail.services.access.membership import expand_groups, role_in
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.issuance.renewal_preapproval import find_preapproval
from certrail.services.issuance.state import (
    PolicySnapshot,
    apply_snapshot,
    approval_of,
    current_snapshot,
    display_name,
    enqueue_issuance,
    lock_request,
    transition,
)

APPROVE, REJECT = "approve", "reject"
CHANGED = "the content changed after it was asked about"


def open_approval(
    uow: UnitOfWork, request: CertificateRequest, profile: CertificateProfile
) -> ApprovalRequest | None:
    """Begin the approval that the Application's policy asks for on this profile, if any.

    Raises:
        Conflict: some step can never reach its quorum.
    """
    session, scope = uow.session, request.application_id or ""
    policy = cached(session, ("guard", scope, profile.id), lambda: _guard_of(session, scope, profile.id))
    if policy is None:
        return None
    requester = uow.session.get_one(Principal, request.requester_id)
    if policy.bypass_machine_identities and requester.kind == "machine":
        uow.record(ApprovalBypassed(request.id, request.application_id, policy=policy.slug))
        return None
    if (preapproval := find_preapproval(uow.session, request, policy, uow.now)) is not None:
        request.preapproval_id = preapproval.id
        uow.session.add(request)
        uow.record(ApprovalPreapproved(preapproval.id, request.application_id, request_id=request.id))
        return None
    approval = ApprovalRequest(
        id=uow.new_id(),
        created_at=uow.now,
        application_id=request.application_id,
        certificate_request_id=request.id,
        policy_id=policy.id,
        policy=policy.model_dump(mode="json", exclude={"created_at"}),
        digest=request.digest,
        requester_id=request.requester_id,
        expires_at=_after(uow.now, policy.request_ttl_seconds),
        remind_at=_after(uow.now, policy.reminder_seconds),
    )
    _refuse_unreachable(uow.session, approval)
    uow.session.add(approval)
    uow.record(
        ApprovalOpened(
            approval.id,
            request.application_id,
            policy=policy.slug,
            request_id=request.id,
            common_name=display_name(request),
            steps=[{"name": s["name"], "quorum": s["quorum"]} for s in policy.steps],
            expires_at=approval.expires_at,
        )
    )
    open_prompts(uow, approval)
    return approval


def _guard_of(session: Session, scope: str, profile_id: str) -> ApprovalPolicy | None:
    query = (
        select(ApprovalPolicy)
        .join(ApprovalPolicyProfile, col(ApprovalPolicyProfile.policy_id) == col(ApprovalPolicy.id))
        .where(ApprovalPolicyProfile.scope == scope, ApprovalPolicyProfile.profile_id == profile_id)
    )
    return session.exec(query).first()


def close(
    uow: UnitOfWork, approval: ApprovalRequest, status: str, by: str | None, comment: str | None
) -> None:
    """End an approval, move its request along, and refresh every copy of the question."""
    approval.status = status
    approval.decided_at = uow.now
    approval.decided_by = by
    approval.comment = comment
    uow.session.add(approval)
    request = lock_request(uow.session, approval.certificate_request_id)
    if request.status == "pending_approval":
        transition(uow, request, status, comment)
    uow.record(
        APPROVAL_ENDS[status](
            approval.id,
            approval.application_id,
            request_id=request.id,
            common_name=display_name(request),
            comment=comment,
        )
    )
    refresh_messages(uow, approval, closed=True)
    # The workflow takes one reference for one piece of news, and a later round may end like an earlier one.
    enqueue_issuance(uow, request, f"{approval.id}-{approval.round}-{status}")


def reopen(
    uow: UnitOfWork,
    approval: ApprovalRequest,
    request: CertificateRequest,
    judged: PolicySnapshot,
    reason: str,
) -> None:
    """Void all votes, and ask everybody again: what they said yes to is not what would be signed now.

    Raises:
        Conflict: some step can never reach its quorum any more.
    """
    refresh_messages(uow, approval)
    if approval.status != "open":
        approval.status, approval.decided_at, approval.decided_by, approval.comment = "open", None, None, None
        approval.expires_at = _after(uow.now, approval.policy.get("request_ttl_seconds"))
        approval.remind_at = _after(uow.now, approval.policy.get("reminder_seconds"))
        transition(uow, request, "pending_approval", reason)
    approval.round += 1
    approval.current_step, approval.unreachable_step = 0, None
    apply_snapshot(request, judged)
    approval.digest = request.digest
    uow.session.add_all([approval, request])
    _refuse_unreachable(uow.session, approval)
    uow.record(
        ApprovalReopened(
            approval.id,
            approval.application_id,
            round=approval.round,
            reason=reason,
            common_name=display_name(request),
        )
    )
    open_prompts(uow, approval)


def reopen_if_changed(uow: UnitOfWork, request: CertificateRequest) -> bool:
    """Whether an approved request would be signed otherwise than it was approved, and so is asked about again."""
    approval = approval_of(uow.session, request.id)
    if approval is None and request.preapproval_id is None:
        return False
    judged = current_snapshot(uow.session, request, uow.now)
    if approval is not None:
        if judged.digest == approval.digest:
            return False
        reopen(uow, approval, request, judged, CHANGED)
        return True
    if judged.digest == request.digest:
        return False
    if open_approval_if_required(uow, request, judged) is None:
        return False
    transition(uow, request, "pending_approval", CHANGED)
    return True


def open_approval_if_required(
    uow: UnitOfWork, request: CertificateRequest, judged: PolicySnapshot
) -> ApprovalRequest | None:
    """Begin the approval that is asked for now, for a request that nobody was asked about before."""
    apply_snapshot(request, judged)
    request.preapproval_id = None
    return open_approval(uow, request, uow.session.get_one(CertificateProfile, request.profile_id))


def apply_timers(uow: UnitOfWork, approval: ApprovalRequest) -> datetime | None:
    """Expire or remind when it is time; returns when to look again."""
    if approval.status != "open":
        return None
    if has_expired(approval, uow.now):
        close(uow, approval, "expired", None, "nobody decided in time")
        return None
    if approval.remind_at and approval.remind_at <= uow.now:
        approval.remind_at = _after(uow.now, approval.policy.get("reminder_seconds"))
        uow.session.add(approval)
        _remind(uow, approval)
    moments = [m for m in (approval.expires_at, approval.remind_at) if m]
    return min(moments, default=None)


def has_expired(approval: ApprovalRequest, now: datetime) -> bool:
    """Whether its time is over, also where its workflow has not closed it yet."""
    return approval.expires_at is not None and approval.expires_at <= now


def _remind(uow: UnitOfWork, approval: ApprovalRequest) -> None:
    """Say it again where it is asked, as a message of its own: a message that is changed alerts nobody."""
    request = uow.session.get_one(CertificateRequest, approval.certificate_request_id)
    given, needed = tally(uow.session, approval)
    step = current_step(approval)
    uow.record(
        ApprovalReminder(
            approval.id,
            approval.application_id,
            step=step["name"],
            common_name=display_name(request),
            message=f"{given} of {needed} approvals so far",
            expires_at=approval.expires_at,
            channels=list(step.get("channels", ())),
        )
    )


def refresh_messages(uow: UnitOfWork, approval: ApprovalRequest, *, closed: bool = False) -> None:
    """Bring every posted copy of the question to its present state.

    Args:
        closed: those of earlier steps and rounds as well, which then say how it all ended.
    """
    query = select(ApprovalMessage).where(ApprovalMessage.approval_request_id == approval.id)
    if not closed:
        query = query.where(col(ApprovalMessage.closed_at).is_(None))
    for copy in uow.session.exec(query).all():
        if copy.closed_at is not None and copy.reference is None:
            continue
        copy.closed_at = None
        uow.session.add(copy)
        enqueue_approval_message(uow, copy)


def enqueue_approval_message(uow: UnitOfWork, copy: ApprovalMessage) -> None:
    """Tell the workflow of one copy that there is something new to show."""
    channel = uow.session.get_one(Channel, copy.channel_id)
    uow.enqueue(
        "question",
        f"question-{copy.id}",
        copy.id,
        summary=f"Ask for approval in {channel.slug}",
        application_id=channel.application_id,
        plugin=f"notifier-{channel.notifier}",
        signal=uow.new_id(),
    )


def eligible(session: Session, approval: ApprovalRequest, step: int) -> set[str]:
    """Who may vote in a step at this moment: asked, active, a member, no auditor, not the requester."""
    asked = expand_groups(session, approval.policy["steps"][step]["approvers"])
    if not approval.policy.get("allow_self_approval"):
        asked.discard(approval.requester_id)
    allowed = (Role.ADMIN, Role.OPERATOR)
    return {person for person in asked if role_in(session, person, approval.application_id) in allowed}


def tally(session: Session, approval: ApprovalRequest) -> tuple[int, int]:
    """Approvals given in the current step by those who may still vote in it, and those needed."""
    votes = session.exec(
        select(Vote).where(
            Vote.approval_request_id == approval.id,
            Vote.round == approval.round,
            Vote.step == approval.current_step,
        )
    ).all()
    seated = eligible(session, approval, approval.current_step) if votes else set()
    given = sum(vote.decision == APPROVE and vote.principal_id in seated for vote in votes)
    return given, current_step(approval)["quorum"]


def advance_step(uow: UnitOfWork, approval: ApprovalRequest, vote: Vote | None) -> None:
    """Take a step whose quorum is reached: on to the next one, or approved."""
    if approval.current_step + 1 == len(approval.policy["steps"]):
        by, comment = (vote.principal_id, vote.comment or None) if vote else (None, "its votes count again")
        close(uow, approval, "approved", by, comment)
        return
    uow.record(ApprovalStepCompleted(approval.id, approval.application_id, step=approval.current_step))
    refresh_messages(uow, approval)
    approval.current_step += 1
    uow.session.add(approval)
    open_prompts(uow, approval)


def current_step(approval: ApprovalRequest) -> dict[str, Any]:
    """The step that is being asked, or was asked last."""
    step: dict[str, Any] = approval.policy["steps"][approval.current_step]
    return step


def votes_of(session: Session, approval_id: str) -> Sequence[Vote]:
    """All votes of an approval, oldest first."""
    query = select(Vote).where(Vote.approval_request_id == approval_id)
    return session.exec(query.order_by(col(Vote.created_at), col(Vote.id))).all()


def open_prompts(uow: UnitOfWork, approval: ApprovalRequest) -> None:
    """Make a copy of the question for every channel of the current step."""
    for channel_id in current_step(approval).get("channels", ()):
        copy = ApprovalMessage(
            id=uow.new_id(),
            created_at=uow.now,
            approval_request_id=approval.id,
            round=approval.round,
            step=approval.current_step,
            channel_id=channel_id,
        )
        uow.session.add(copy)
        enqueue_approval_message(uow, copy)


def _refuse_unreachable(session: Session, approval: ApprovalRequest) -> None:
    for number, step in enumerate(approval.policy["steps"]):
        able = len(eligible(session, approval, number))
        if able < step["quorum"]:
            raise Conflict(
                f"Step {number + 1} ({step['name']}) needs {step['quorum']} approvals, but only {able} of its "
                "approvers may vote on this request. Ask an Application Admin to change the approval policy.",
                kind="quorum-unreachable",
            )


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return now + timedelta(seconds=seconds) if seconds else None
