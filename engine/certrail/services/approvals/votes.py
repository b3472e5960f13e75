"""Votes: each is one transaction under the lock of its approval; the subject's workflow is signalled after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session

from certrail.domain.access import Role
from certrail.domain.durations import format_duration
from certrail.domain.errors import CertrailError, Conflict, Forbidden, NotFound, SignInTooOld
from certrail.domain.events.approvals import ApprovalVoted, ApprovalVoteRefused
from certrail.domain.states import ApprovalStatus
from certrail.persistence.database import session_cache
from certrail.persistence.tables import ApprovalRequest, Principal, Vote
from certrail.services.access.membership import role_in
from certrail.services.approvals.eligibility import Eligibility, count_votes, in_current_step
from certrail.services.approvals.lifecycle import advance_step, close
from certrail.services.approvals.links import approval_link
from certrail.services.approvals.prompts import refresh_messages
from certrail.services.approvals.queries import ApprovalQueries
from certrail.services.approvals.store import (
    APPROVE,
    REJECT,
    Locked,
    current_step,
    has_expired,
    is_recent,
    lock_approval,
    max_sign_in_age,
    votes_of,
)
from certrail.services.approvals.subject import subject_of
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Bound:
    """What the voter was shown: the content, and for a button the step of the round that it belongs to."""

    digest: str
    turn: tuple[int, int] | None = None


class VoteRefused(Exception):
    """Carries the refusal out of the transaction that it rolls back."""

    def __init__(self, error: CertrailError, approval: ApprovalRequest | None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.approval = approval


class Approvals(ApprovalQueries):
    """Votes and what they decide."""

    def vote(
        self,
        actor: Actor,
        approval_id: str,
        decision: str,
        comment: str = "",
        via: str = "api",
        digest: str | None = None,
    ) -> Vote:
        """Record one person's vote.

        Args:
            digest: that of the content as the voter read it.

        Raises:
            NotFound: unknown, or the voter is no member.
            Forbidden: auditor, own request, or no approver of the current step.
            Conflict: decided, expired, voted already, or the content changed.
            SignInTooOld: the step needs a newer sign-in.
            AlreadyDone: the same call, made again.
        """
        try:
            with self._context.unit_of_work(actor) as uow, session_cache(uow.session):
                return cast(uow, approval_id, decision, comment, via, Bound(digest) if digest else None)[0]
        except VoteRefused as refusal:
            self.record_refusal(actor, refusal, via)
            raise refusal.error from None

    def record_refusal(
        self,
        actor: Actor,
        refusal: VoteRefused,
        via: str,
        received: Callable[[UnitOfWork], object] = lambda _: None,
    ) -> None:
        """Record a refused vote; where the content changed, also signal the subject's workflow, which reopens it.

        Args:
            received: called in the same transaction, to store the replay key of a callback.
        """
        with self._context.unit_of_work(actor) as uow:
            received(uow)
            approval = refusal.approval
            uow.record(
                ApprovalVoteRefused(
                    approval.id if approval else "unknown",
                    approval.application_id if approval else None,
                    reason=refusal.error.kind,
                    detail=refusal.error.detail,
                    via=via,
                )
            )
            if approval is not None and refusal.error.kind == "content-changed":
                subject_of(uow.context, uow.session, approval).signal(uow, uow.new_id())

    def cast_before(self, vote_id: str) -> Vote:
        """The vote that an earlier call made. Raises NotFound."""
        with self._context.db.read() as session:
            if vote := session.get(Vote, vote_id):
                return vote
        raise NotFound("vote")


def cast(
    uow: UnitOfWork, approval_id: str, decision: str, comment: str, via: str, bound: Bound | None = None
) -> tuple[Vote, str]:
    """Check and count a vote under the lock of its approval.

    Returns:
        The vote, and what it led to in words.

    Raises:
        VoteRefused: with the error to show; the transaction must be rolled back.
    """
    session, voter = uow.session, uow.actor.principal_id or ""
    held = lock_approval(uow, approval_id)
    if held is None:
        raise VoteRefused(NotFound("approval request"), None)
    approval = held.approval
    # One snapshot serves the check and the count: the approval is locked, and this transaction changes no member.
    eligibility, votes = Eligibility(session, [approval]), list(votes_of(session, approval.id))
    if error := _refusal(uow, held, decision, comment, bound, eligibility, votes):
        raise VoteRefused(error, approval)
    vote = Vote(
        id=uow.new_id(),
        created_at=uow.now,
        approval_request_id=approval.id,
        round=approval.round,
        step=approval.current_step,
        principal_id=voter,
        decision=decision,
        comment=comment,
        digest=approval.digest,
        via=via,
    )
    session.add(vote)
    session.flush()
    uow.created_id = vote.id
    uow.record(
        ApprovalVoted(
            approval.id,
            approval.application_id,
            decision=decision,
            step=approval.current_step,
            via=via,
            comment=comment,
        )
    )
    outcome = _count(uow, held, vote, count_votes(approval, [*votes, vote], eligibility))
    if approval.status == ApprovalStatus.APPROVED:
        held.subject.execute(uow)
    return vote, outcome


def _refusal(
    uow: UnitOfWork,
    held: Locked,
    decision: str,
    comment: str,
    bound: Bound | None,
    eligibility: Eligibility,
    votes: Sequence[Vote],
) -> CertrailError | None:
    """Why this vote does not count, or nothing."""
    session, approval, voter = uow.session, held.approval, uow.actor.principal_id or ""
    eligible = voter in eligibility.of(approval, approval.current_step)
    if not eligible and (error := _no_voter(session, approval, voter)):
        return error
    if approval.status != ApprovalStatus.OPEN or has_expired(approval, uow.now):
        state = approval.status if approval.status != ApprovalStatus.OPEN else ApprovalStatus.EXPIRED
        return Conflict(f"The approval is {state} already.", kind="approval-closed")
    if not uow.actor.may_vote:
        return Forbidden(
            "Somebody else made this token for you, so it casts no vote. Sign in, or use a token of your own.",
            kind="token-of-another",
        )
    if voter == approval.requester_id and not approval.policy.get("allow_self_approval"):
        return Forbidden("You requested this, so others must decide.", kind="own-request")
    if _stale(uow, held, bound):
        return Conflict(
            "The content has changed since this message was posted. Vote on the new message.",
            kind="content-changed",
        )
    if bound and bound.turn not in (None, (approval.round, approval.current_step)):
        return Conflict("This message belongs to a step that is complete.", kind="other-step")
    if not eligible:
        return Forbidden("You are not an approver of the current step.", kind="not-in-step")
    if any(vote.principal_id == voter for vote in in_current_step(approval, votes)):
        return Conflict("You voted in this step already.", kind="voted-already")
    if decision not in (APPROVE, REJECT):
        return Conflict("Answer with approve or reject.", kind="bad-decision")
    if decision == REJECT and not comment.strip():
        return Conflict("Say why you reject it.", kind="reason-missing")
    # Last: nobody signs in again for a vote that would not count.
    age = max_sign_in_age(current_step(approval))
    if age is not None and not is_recent(uow.actor.auth_time, age, uow.now):
        return _too_old(uow, approval, age)
    return None


def _too_old(uow: UnitOfWork, approval: ApprovalRequest, age: timedelta) -> SignInTooOld:
    link = approval_link(uow.context, approval.id)
    where = f"at {link}" if link else "on the page of the approval in the console"
    return SignInTooOld(
        f"This step counts votes from a sign-in that is at most {format_duration(age)} old. Vote {where}; you are asked"
        " to sign in again there.",
        age,
        link=link,
    )


def _stale(uow: UnitOfWork, held: Locked, bound: Bound | None) -> bool:
    if bound and bound.digest != held.approval.digest:
        return True
    try:
        return held.subject.current_digest(uow.session, uow.now) != held.approval.digest
    except CertrailError:
        return True


def _no_voter(session: Session, approval: ApprovalRequest, voter: str) -> CertrailError | None:
    """Why somebody may vote in no step of this approval, whatever its policy says."""
    person = session.get(Principal, voter)
    if person is None or not person.active:
        return Forbidden("Your account is deactivated.", kind="deactivated")
    role = role_in(session, voter, approval.application_id)
    if role is None:
        return NotFound("approval request")
    return Forbidden("Auditors do not vote.", kind="auditor") if role is Role.AUDITOR else None


def _count(uow: UnitOfWork, held: Locked, vote: Vote, tally: tuple[int, int]) -> str:
    approval, (given, needed) = held.approval, tally
    if vote.decision == REJECT:
        close(uow, held, ApprovalStatus.REJECTED, vote.principal_id, vote.comment)
        return "Recorded. The request is rejected."
    if given < needed:
        refresh_messages(uow, [approval])
        return f"Your {vote.decision} is recorded: {given} of {needed}."
    advance_step(uow, held, vote)
    if approval.status != ApprovalStatus.OPEN:
        return f"Recorded. The request is {approval.status}."
    return f"Your {vote.decision} is recorded: {given} of {needed}. The next step waits for votes."
