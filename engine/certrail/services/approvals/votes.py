"""Votes: each is one locked transaction, and the workflow hears of it afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, or_, select

from certrail.domain.access import Role
from certrail.domain.errors import CertrailError, Conflict, Forbidden, NotFound
from certrail.domain.events.approvals import ApprovalVoted, ApprovalVoteRefused
from certrail.persistence.tables import (
    Application,
    ApprovalRequest,
    CertificateRequest,
    Membership,
    Principal,
    Vote,
)
from certrail.services.access.membership import identities_of, role_in
from certrail.services.approvals.lifecycle import (
    APPROVE,
    REJECT,
    advance_step,
    close,
    eligible,
    has_expired,
    refresh_messages,
    tally,
    votes_of,
)
from certrail.services.core.actor import Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.issuance.state import current_snapshot, enqueue_issuance, lock_approval

READ_AHEAD = 200


About = tuple[ApprovalRequest, str | None, list[str]]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a button was bound to when it was shown."""

    round: int
    step: int
    digest: str


class VoteRefused(Exception):
    """Carries the refusal out of the transaction that it rolls back."""

    def __init__(self, error: CertrailError, approval: ApprovalRequest | None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.approval = approval


class Approvals:
    """Votes and what they decide."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def vote(
        self, actor: Actor, approval_id: str, decision: str, comment: str = "", via: str = "api"
    ) -> Vote:
        """Record one person's answer.

        Raises:
            NotFound: unknown, or the voter is no member.
            Forbidden: auditor, own request, or not asked in the current step.
            Conflict: decided, expired, voted already, or the content changed.
            AlreadyDone: the same call, made again.
        """
        try:
            with self._context.unit_of_work(actor) as uow:
                return cast(uow, approval_id, decision, comment, via)
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
        """Put a refused vote on record; where the content changed, also ask again.

        Args:
            received: notes in the same transaction how the vote came.
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
                request = uow.session.get_one(CertificateRequest, approval.certificate_request_id)
                enqueue_issuance(uow, request, uow.new_id())

    def cast_before(self, vote_id: str) -> Vote:
        """The vote that an earlier call made. Raises NotFound."""
        with self._context.db.read() as session:
            if vote := session.get(Vote, vote_id):
                return vote
        raise NotFound("vote")

    def get(self, approval_id: str) -> tuple[ApprovalRequest, Sequence[Vote]]:
        """One approval with its votes in order. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.get(ApprovalRequest, approval_id)
            if row is None:
                raise NotFound("approval request")
            return row, votes_of(session, approval_id)

    def of_request(self, request_id: str) -> ApprovalRequest | None:
        """The approval that a certificate request needs or needed."""
        with self._context.db.read() as session:
            query = select(ApprovalRequest).where(ApprovalRequest.certificate_request_id == request_id)
            return session.exec(query).first()

    def of_requests(self, request_ids: Sequence[str]) -> Mapping[str, str]:
        """The same for a page of requests: the id of the approval, by that of the request."""
        request_id = ApprovalRequest.certificate_request_id
        with self._context.db.read() as session:
            query = select(request_id, ApprovalRequest.id).where(col(request_id).in_(request_ids))
            return dict(session.exec(query).all())

    def list(
        self,
        application_id: str,
        *,
        status: str | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[ApprovalRequest]:
        """One page of the approvals of an Application, newest first."""
        with self._context.db.read() as session:
            query = select(ApprovalRequest).where(ApprovalRequest.application_id == application_id)
            if status:
                query = query.where(ApprovalRequest.status == status)
            return session.exec(newest_first(query, ApprovalRequest, after, limit)).all()

    def inbox(
        self, actor: Actor, *, status: str | None = None, after: Position | None = None, limit: int = PAGE
    ) -> Sequence[ApprovalRequest]:
        """One page of the approvals that ask the actor, where it is a member, or that it asked for; newest first."""
        with self._context.db.read() as session:
            mine = identities_of(session, actor.principal_id or "")
            here = select(func.coalesce(Membership.application_id, "")).where(
                col(Membership.principal_id).in_(mine)
            )
            asked_for = col(ApprovalRequest.requester_id).in_(mine)
            member = func.coalesce(ApprovalRequest.application_id, "").in_(here)
            query = select(ApprovalRequest).where(or_(asked_for, member))
            if status:
                query = query.where(ApprovalRequest.status == status)
            found: list[ApprovalRequest] = []
            # Who is asked stands in the policy that each approval runs under: a page is read on until it is full.
            while len(found) < limit:
                rows = session.exec(newest_first(query, ApprovalRequest, after, READ_AHEAD)).all()
                found += [row for row in rows if row.requester_id in mine or mine & set(_asked(row))]
                if len(rows) < READ_AHEAD:
                    break
                after = (rows[-1].created_at, rows[-1].id)
            return found[:limit]

    def about(self, rows: Sequence[ApprovalRequest]) -> Sequence[About]:
        """Approvals with what they are about: the slug of the Application, and the names on the certificate."""
        with self._context.db.read() as session:
            query = (
                select(CertificateRequest.id, CertificateRequest.content, Application.slug)
                .join(
                    Application, col(Application.id) == col(CertificateRequest.application_id), isouter=True
                )
                .where(col(CertificateRequest.id).in_([row.certificate_request_id for row in rows]))
            )
            found = {ident: (slug, content) for ident, content, slug in session.exec(query).all()}
        return [
            (row, slug, _names(content))
            for row in rows
            for slug, content in [found[row.certificate_request_id]]
        ]


def cast(
    uow: UnitOfWork, approval_id: str, decision: str, comment: str, via: str, bound: Bound | None = None
) -> Vote:
    """Check and count a vote under the lock of its approval.

    Raises:
        VoteRefused: with the error to show; the transaction must be rolled back.
    """
    session, voter = uow.session, uow.actor.principal_id or ""
    approval = lock_approval(session, approval_id)
    if error := _refusal(uow, approval, voter, decision, comment, bound):
        raise VoteRefused(error, approval)
    assert approval is not None
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
    _count(uow, approval, vote)
    return vote


def _refusal(
    uow: UnitOfWork,
    approval: ApprovalRequest | None,
    voter: str,
    decision: str,
    comment: str,
    bound: Bound | None,
) -> CertrailError | None:
    """Why this vote does not count, or nothing."""
    session = uow.session
    if approval is None:
        return NotFound("approval request")
    person = session.get(Principal, voter)
    if person is None or not person.active:
        return Forbidden("Your account is deactivated.", kind="deactivated")
    role = role_in(session, voter, approval.application_id)
    if role is None:
        return NotFound("approval request")
    if role is Role.AUDITOR:
        return Forbidden("Auditors do not vote.", kind="auditor")
    if approval.status != "open" or has_expired(approval, uow.now):
        state = approval.status if approval.status != "open" else "expired"
        return Conflict(f"The approval is {state} already.", kind="approval-closed")
    if voter == approval.requester_id and not approval.policy.get("allow_self_approval"):
        return Forbidden("You asked for it, so others must decide.", kind="own-request")
    if _stale(uow, approval, bound):
        return Conflict(
            "What was asked has changed since this question was shown. Look at the new question.",
            kind="content-changed",
        )
    if bound and (bound.round, bound.step) != (approval.round, approval.current_step):
        return Conflict("This question belongs to a step that is over.", kind="other-step")
    if voter not in eligible(session, approval, approval.current_step):
        return Forbidden("You are not asked in the current step.", kind="not-in-step")
    if _voted(session, approval, voter):
        return Conflict("You voted in this step already.", kind="voted-already")
    if decision not in (APPROVE, REJECT):
        return Conflict("Answer with approve or reject.", kind="bad-decision")
    if decision == REJECT and not comment.strip():
        return Conflict("Say why you reject it.", kind="reason-missing")
    return None


def _stale(uow: UnitOfWork, approval: ApprovalRequest, bound: Bound | None) -> bool:
    if bound and bound.digest != approval.digest:
        return True
    request = uow.session.get_one(CertificateRequest, approval.certificate_request_id)
    try:
        return current_snapshot(uow.session, request, uow.now).digest != approval.digest
    except CertrailError:
        return True


def _voted(session: Session, approval: ApprovalRequest, voter: str) -> bool:
    query = select(Vote).where(
        Vote.approval_request_id == approval.id,
        Vote.round == approval.round,
        Vote.step == approval.current_step,
        Vote.principal_id == voter,
    )
    return session.exec(query).first() is not None


def _count(uow: UnitOfWork, approval: ApprovalRequest, vote: Vote) -> None:
    if vote.decision == REJECT:
        close(uow, approval, "rejected", vote.principal_id, vote.comment)
        return
    given, needed = tally(uow.session, approval)
    if given < needed:
        refresh_messages(uow, approval)
    else:
        advance_step(uow, approval, vote)


def _asked(approval: ApprovalRequest) -> list[str]:
    return [person for step in approval.policy["steps"] for person in step["approvers"]]


def _names(content: Mapping[str, Any]) -> list[str]:
    """The common name of a request, then its other names; each once."""
    common = (content.get("subject") or {}).get("common_name")
    others = [name for kind in (content.get("sans") or {}).values() for name in kind]
    return list(dict.fromkeys(([common] if common else []) + others))
