"""What follows for open approvals when a principal or a group changes."""

from sqlmodel import select

from certrail.domain.events.access import GroupJoined, GroupLeft, PrincipalActivated, PrincipalDeactivated
from certrail.persistence.tables import EventRow, GroupMember, Principal
from certrail.services.approvals.quorum import reevaluate_everywhere
from certrail.services.core.unit_of_work import UnitOfWork


def principal_switched(
    uow: UnitOfWork, event: PrincipalActivated | PrincipalDeactivated, _row: EventRow
) -> None:
    """Reevaluate quorums wherever the principal, or the members of the group that it is, may approve."""
    members = select(GroupMember.principal_id).where(GroupMember.group_id == event.subject_id)
    _reevaluate(uow, event.subject_id, *uow.session.exec(members.order_by(GroupMember.principal_id)))


def membership_changed(uow: UnitOfWork, event: GroupJoined | GroupLeft, _row: EventRow) -> None:
    """Reevaluate quorums wherever the group or its member may approve: one who left has lost the group's roles."""
    _reevaluate(uow, event.group_id, event.subject_id)


def _reevaluate(uow: UnitOfWork, *principals: str) -> None:
    reevaluate_everywhere(uow, [uow.session.get_one(Principal, ident) for ident in principals])
