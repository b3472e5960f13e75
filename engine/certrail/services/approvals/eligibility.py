"""Who may vote, for any number of approvals in one statement, and how many votes count."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import false, literal, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from certrail.domain.access import Role
from certrail.persistence.tables import ApprovalRequest, GroupMember, Membership, Principal, Vote
from certrail.services.approvals.store import APPROVE, current_step

VOTING_ROLES = (Role.ADMIN, Role.OPERATOR)


class Eligibility:
    """Who may vote in which step of some approvals: an approver, active, a member, no auditor, not the requester.

    A snapshot: it holds as long as the caller keeps the approvals locked and changes no member.
    """

    def __init__(self, session: Session, approvals: Sequence[ApprovalRequest]) -> None:
        named = {ident for row in approvals for step in row.policy["steps"] for ident in step["approvers"]}
        self._people, self._voters = _members(session, named, {row.application_id for row in approvals})

    def of(self, approval: ApprovalRequest, step: int) -> set[str]:
        """The principals who may vote in a step, counted from 0."""
        named = approval.policy["steps"][step]["approvers"]
        people = {person for ident in named for person in self._people.get(ident, ())}
        if not approval.policy.get("allow_self_approval"):
            people.discard(approval.requester_id)
        return people & self._voters.get(approval.application_id, set())

    def unreachable(self, approval: ApprovalRequest) -> int | None:
        """The first step, from the current one on, with fewer voters than its quorum."""
        steps = approval.policy["steps"]
        return next(
            (
                number
                for number in range(approval.current_step, len(steps))
                if len(self.of(approval, number)) < steps[number]["quorum"]
            ),
            None,
        )


def tallies(
    session: Session, approvals: Sequence[ApprovalRequest], eligibility: Eligibility
) -> Mapping[str, tuple[int, int]]:
    """Approvals given in the current step by those who may still vote in it, and those needed; by approval id."""
    found = defaultdict(list)
    query = select(Vote).where(col(Vote.approval_request_id).in_([row.id for row in approvals]))
    for vote in session.exec(query).all():
        found[vote.approval_request_id].append(vote)
    return {row.id: count_votes(row, found[row.id], eligibility) for row in approvals}


def count_votes(
    approval: ApprovalRequest, votes: Sequence[Vote], eligibility: Eligibility
) -> tuple[int, int]:
    """The same of one approval, whose votes are loaded already."""
    given = {vote.principal_id for vote in in_current_step(approval, votes) if vote.decision == APPROVE}
    counting = given & eligibility.of(approval, approval.current_step) if given else set()
    return len(counting), current_step(approval)["quorum"]


def in_current_step(approval: ApprovalRequest, votes: Sequence[Vote]) -> Sequence[Vote]:
    """The votes of the current round and step."""
    present = approval.round, approval.current_step
    return [vote for vote in votes if (vote.round, vote.step) == present]


def _members(
    session: Session, named: set[str], applications: set[str | None]
) -> tuple[Mapping[str, set[str]], Mapping[str | None, set[str]]]:
    """Who is behind each principal, and who may vote in each Application; one statement answers both.

    Active people and machines only: a principal itself, or the members of an active group.
    """
    group, member = aliased(Principal), aliased(Principal)
    active_groups = (
        select(col(GroupMember.group_id), col(GroupMember.principal_id))
        .join(group, col(group.id) == col(GroupMember.group_id))
        .where(col(group.active).is_(True))
        .subquery()
    )
    people = (col(member.kind) != "group", col(member.active).is_(True))
    behind, voter = literal("behind"), literal("voter")
    scope = or_(
        col(Membership.application_id).in_([ident for ident in applications if ident is not None]),
        col(Membership.application_id).is_(None) if None in applications else false(),
    )
    votes = scope, col(Membership.role).in_(VOTING_ROLES)
    parts = (
        select(behind, col(member.id), col(member.id)).where(col(member.id).in_(named), *people),
        select(behind, active_groups.c.group_id, col(member.id))
        .join(member, col(member.id) == active_groups.c.principal_id)
        .where(active_groups.c.group_id.in_(named), *people),
        select(voter, col(Membership.application_id), col(Membership.principal_id)).where(*votes),
        select(voter, col(Membership.application_id), active_groups.c.principal_id)
        .join(active_groups, active_groups.c.group_id == col(Membership.principal_id))
        .where(*votes),
    )
    found: dict[str, defaultdict[str | None, set[str]]] = {
        "behind": defaultdict(set),
        "voter": defaultdict(set),
    }
    for kind, ident, person in session.execute(union_all(*parts)):
        found[kind][ident].add(person)
    return cast("Mapping[str, set[str]]", found["behind"]), found["voter"]
