"""Who belongs where, and who is behind a group: questions that many steps ask."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.access import Role, strongest
from certrail.domain.errors import NotFound
from certrail.persistence.tables import GroupMember, Membership, Principal
from certrail.services.core.actor import Actor


def actor_of(
    owner: Principal,
    scopes: frozenset[str] = frozenset(),
    request_id: str | None = None,
    until: datetime | None = None,
    credential: str | None = None,
    may_vote: bool = True,
    auth_time: datetime | None = None,
) -> Actor:
    """A principal as the one who acts."""
    return Actor(
        owner.id,
        owner.kind,
        owner.name,
        owner.product_role,
        scopes,
        request_id,
        until,
        credential=credential,
        may_vote=may_vote,
        auth_time=auth_time,
    )


def find_principal(session: Session, reference: str) -> Principal:
    """By slug, id or e-mail address. Raises NotFound."""
    query = select(Principal).where(
        or_(Principal.id == reference, Principal.slug == reference, col(Principal.email) == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("principal", reference)
    return found


def identities_of(session: Session, principal_id: str) -> set[str]:
    """A principal's own id and those of its groups; a group that is not active gives its members nothing."""
    return {principal_id, *session.exec(_active_groups(principal_id)).all()}


def _active_groups(principal_id: str) -> SelectOfScalar[str]:
    groups = select(GroupMember.group_id).join(Principal, col(Principal.id) == col(GroupMember.group_id))
    return groups.where(GroupMember.principal_id == principal_id, col(Principal.active).is_(True))


def role_in(session: Session, principal_id: str | None, application_id: str | None) -> Role | None:
    """The strongest role in an Application or the legacy scope, by oneself or through groups."""
    if principal_id is None:
        return None
    roles = session.exec(
        select(Membership.role).where(Membership.application_id == application_id, of_principal(principal_id))
    ).all()
    return strongest(list(roles))


def is_member(session: Session, application_id: str | None, principal_id: str) -> bool:
    """Whether a user, machine identity or group has a role here, itself or through a group."""
    query = select(Membership).where(Membership.application_id == application_id, of_principal(principal_id))
    return session.exec(query).first() is not None


def of_principal(principal_id: str) -> ColumnElement[bool]:
    """The condition on a membership that it is a principal's own, or one of its active groups'."""
    member = col(Membership.principal_id)
    return or_(member == principal_id, member.in_(_active_groups(principal_id)))


def expand_groups(session: Session, principal_ids: Sequence[str]) -> set[str]:
    """The active people and machines behind a list of principals, active groups resolved."""
    inside = session.exec(
        select(GroupMember.principal_id)
        .join(Principal, col(Principal.id) == col(GroupMember.group_id))
        .where(col(GroupMember.group_id).in_(principal_ids), col(Principal.active).is_(True))
    ).all()
    rows = session.exec(
        select(Principal.id).where(
            col(Principal.id).in_({*principal_ids, *inside}),
            Principal.kind != "group",
            col(Principal.active).is_(True),
        )
    ).all()
    return set(rows)
