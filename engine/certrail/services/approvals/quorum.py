"""Open approvals after a change of members: who lost or regained a vote, and what follows for their quorums."""

from collections.abc import Collection, Iterable

from sqlmodel import col, or_, select

from certrail.domain.events.approvals import ApprovalQuorumLost, ApprovalQuorumRestored
from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import ApprovalRequest, Membership, Principal
from certrail.services.access.membership import identities_of
from certrail.services.approvals.eligibility import Eligibility, tallies
from certrail.services.approvals.lifecycle import advance_step
from certrail.services.approvals.prompts import refresh_messages
from certrail.services.approvals.store import has_expired, lock_approvals
from certrail.services.core.unit_of_work import UnitOfWork


def reevaluate_everywhere(uow: UnitOfWork, principals: Iterable[Principal]) -> None:
    """The same, in all Applications where these principals have a role, by themselves or through groups."""
    owners = {owner for row in principals for owner in identities_of(uow.session, row.id)}
    applications = select(Membership.application_id).where(col(Membership.principal_id).in_(owners))
    _reevaluate(uow, set(uow.session.exec(applications).all()))


def reevaluate(uow: UnitOfWork, application_id: str | None) -> None:
    """Look at every open approval of an Application after its members changed.

    A quorum that can no longer be reached is an event, once, as is one that can be reached again; a quorum that votes
    reach which count again completes its step at once.
    """
    _reevaluate(uow, {application_id})


def _reevaluate(uow: UnitOfWork, applications: Collection[str | None]) -> None:
    """For any number of approvals the same number of statements, so that no role change costs more than another."""
    session = uow.session
    session.flush()
    query = select(ApprovalRequest).where(
        ApprovalRequest.status == ApprovalStatus.OPEN,
        or_(
            col(ApprovalRequest.application_id).in_([ident for ident in applications if ident is not None]),
            col(ApprovalRequest.application_id).is_(None) if None in applications else False,
        ),
    )
    # Each may have been decided between the query and the lock, so its state is looked at under the lock.
    held = [
        each
        for each in lock_approvals(uow, session.exec(query).all())
        if each.approval.status == ApprovalStatus.OPEN and not has_expired(each.approval, uow.now)
    ]
    if not held:
        return
    eligibility = Eligibility(session, [each.approval for each in held])
    counts = tallies(session, [each.approval for each in held], eligibility)
    for each in held:
        given, needed = counts[each.approval.id]
        if given >= needed:
            advance_step(uow, each, None)
    still_open = [each.approval for each in held if each.approval.status == ApprovalStatus.OPEN]
    for approval in still_open:
        _record_quorum(uow, approval, eligibility)
    refresh_messages(uow, still_open)


def _record_quorum(uow: UnitOfWork, approval: ApprovalRequest, eligibility: Eligibility) -> None:
    before, approval.unreachable_step = approval.unreachable_step, eligibility.unreachable(approval)
    if approval.unreachable_step == before:
        return
    uow.session.add(approval)
    if approval.unreachable_step is None:
        uow.record(ApprovalQuorumRestored(approval.id, approval.application_id))
        return
    step = approval.policy["steps"][approval.unreachable_step]
    uow.record(
        ApprovalQuorumLost(
            approval.id,
            approval.application_id,
            request_type=approval.subject_type,
            request_id=approval.subject_id,
            step=step["name"],
            quorum=step["quorum"],
            able=len(eligibility.of(approval, approval.unreachable_step)),
            action="Give one of the approvers back their role, or cancel the request and change the approval policy.",
        )
    )
