"""Who loses or regains a seat in open approvals when members change, and what follows for their quorums."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from certrail.persistence.tables import ApprovalRequest, Membership, Principal
from certrail.services.access.membership import identities_of
from certrail.services.approvals.lifecycle import eligible, has_expired, refresh_copies, settle, tally
from certrail.services.core.unit_of_work import Change
from certrail.services.issuance.state import lock_approval


def recheck_everywhere(change: Change, principals: Iterable[Principal]) -> None:
    """The same, in all Applications where these principals have a role, by themselves or through groups."""
    owners = {owner for row in principals for owner in identities_of(change.session, row.id)}
    applications = select(Membership.application_id).where(col(Membership.principal_id).in_(owners))
    for application_id in sorted(set(change.session.exec(applications).all()), key=lambda ident: ident or ""):
        recheck(change, application_id)


def recheck(change: Change, application_id: str | None) -> None:
    """Look at every open approval of an Application after its members changed.

    A step whose quorum cannot be reached any more is told of once, as is one that can be reached again; a quorum
    that is reached by votes which count again is taken at once.
    """
    change.session.flush()
    for approval_id in _open_approvals(change.session, application_id):
        approval = lock_approval(change.session, approval_id)
        if approval is None or approval.status != "open" or has_expired(approval, change.now):
            continue
        given, needed = tally(change.session, approval)
        if given >= needed:
            settle(change, approval, None)
        if approval.status == "open":
            _tell_of_quorum(change, approval)


def _open_approvals(session: Session, application_id: str | None) -> list[str]:
    """In the order in which their requests are locked everywhere."""
    query = select(ApprovalRequest.id).where(
        ApprovalRequest.application_id == application_id, ApprovalRequest.status == "open"
    )
    return list(session.exec(query.order_by(ApprovalRequest.certificate_request_id)).all())


def _tell_of_quorum(change: Change, approval: ApprovalRequest) -> None:
    before, approval.unreachable_step = approval.unreachable_step, _unreachable(change.session, approval)
    change.session.add(approval)
    refresh_copies(change, approval)
    if approval.unreachable_step == before:
        return
    if approval.unreachable_step is None:
        change.event("approval.reachable", "approval", approval.id, approval.application_id)
        return
    step = approval.policy["steps"][approval.unreachable_step]
    able = len(eligible(change.session, approval, approval.unreachable_step))
    change.event(
        "approval.unreachable",
        "approval",
        approval.id,
        approval.application_id,
        request_id=approval.certificate_request_id,
        step=step["name"],
        quorum=step["quorum"],
        able=able,
        action="Give one of the approvers back their role, or cancel the request and change the approval policy.",
    )


def _unreachable(session: Session, approval: ApprovalRequest) -> int | None:
    """The first step, from the current one on, with fewer people who may vote than it needs."""
    for number in range(approval.current_step, len(approval.policy["steps"])):
        if len(eligible(session, approval, number)) < approval.policy["steps"][number]["quorum"]:
            return number
    return None
