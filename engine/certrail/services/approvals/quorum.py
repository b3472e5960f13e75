"""Who loses or regains a seat in open approvals when members change, and what follows for their quorums."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from certrail.domain.events.approvals import ApprovalQuorumLost, ApprovalQuorumRestored
from certrail.persistence.tables import ApprovalRequest, Membership, Principal
from certrail.services.access.membership import identities_of
from certrail.services.approvals.lifecycle import advance_step, eligible, has_expired, refresh_messages, tally
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.issuance.state import lock_approval


def reevaluate_everywhere(uow: UnitOfWork, principals: Iterable[Principal]) -> None:
    """The same, in all Applications where these principals have a role, by themselves or through groups."""
    owners = {owner for row in principals for owner in identities_of(uow.session, row.id)}
    applications = select(Membership.application_id).where(col(Membership.principal_id).in_(owners))
    for application_id in sorted(set(uow.session.exec(applications).all()), key=lambda ident: ident or ""):
        reevaluate(uow, application_id)


def reevaluate(uow: UnitOfWork, application_id: str | None) -> None:
    """Look at every open approval of an Application after its members changed.

    A step whose quorum cannot be reached any more is told of once, as is one that can be reached again; a quorum
    that is reached by votes which count again is taken at once.
    """
    uow.session.flush()
    for approval_id in _open_approvals(uow.session, application_id):
        approval = lock_approval(uow.session, approval_id)
        if approval is None or approval.status != "open" or has_expired(approval, uow.now):
            continue
        given, needed = tally(uow.session, approval)
        if given >= needed:
            advance_step(uow, approval, None)
        if approval.status == "open":
            _tell_of_quorum(uow, approval)


def _open_approvals(session: Session, application_id: str | None) -> list[str]:
    """In the order in which their requests are locked everywhere."""
    query = select(ApprovalRequest.id).where(
        ApprovalRequest.application_id == application_id, ApprovalRequest.status == "open"
    )
    return list(session.exec(query.order_by(ApprovalRequest.certificate_request_id)).all())


def _tell_of_quorum(uow: UnitOfWork, approval: ApprovalRequest) -> None:
    before, approval.unreachable_step = approval.unreachable_step, _unreachable(uow.session, approval)
    uow.session.add(approval)
    refresh_messages(uow, approval)
    if approval.unreachable_step == before:
        return
    if approval.unreachable_step is None:
        uow.record(ApprovalQuorumRestored(approval.id, approval.application_id))
        return
    step = approval.policy["steps"][approval.unreachable_step]
    able = len(eligible(uow.session, approval, approval.unreachable_step))
    uow.record(
        ApprovalQuorumLost(
            approval.id,
            approval.application_id,
            request_id=approval.certificate_request_id,
            step=step["name"],
            quorum=step["quorum"],
            able=able,
            action="Give one of the approvers back their role, or cancel the request and change the approval policy.",
        )
    )


def _unreachable(session: Session, approval: ApprovalRequest) -> int | None:
    """The first step, from the current one on, with fewer people who may vote than it needs."""
    for number in range(approval.current_step, len(approval.policy["steps"])):
        if len(eligible(session, approval, number)) < approval.policy["steps"][number]["quorum"]:
            return number
    return None
