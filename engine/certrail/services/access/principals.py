"""Principals, groups, and the authorization of every call."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, and_, col, or_, select

from certrail.domain.access import WITHOUT_ROLE, Permission, ProductRole, Role, allows, strongest
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound
from certrail.domain.events.access import (
    GroupJoined,
    GroupLeft,
    PrincipalActivated,
    PrincipalCreated,
    PrincipalDeactivated,
    PrincipalUpdated,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import Application, AuditChainHead, GroupMember, Membership, Principal
from certrail.services.access.membership import find_principal, identities_of, of_principal, role_in
from certrail.services.access.reach import Reach
from certrail.services.access.tokens import insert_token
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import patch
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork


class Principals:
    """Who there is, and who is calling."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def bootstrap(self, name: str, email: str | None = None) -> tuple[Principal, str]:
        """Make the first Product Admin and a token for them; possible once only.

        Raises:
            Conflict: there is an admin already.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            # The head of the audit log is the one row that is always there: two at once take turns.
            uow.session.exec(locked(select(AuditChainHead))).one()
            if uow.session.exec(select(Principal).where(Principal.product_role == ProductRole.ADMIN)).first():
                raise Conflict("There is a Product Admin already. Ask them for a token.", kind="bootstrapped")
            principal = insert_principal(uow, "user", _slug_of(name), name, email, ProductRole.ADMIN)
            _, text = insert_token(uow, principal, "bootstrap")
            return principal, text

    def create(
        self,
        actor: Actor,
        *,
        kind: str,
        slug: str,
        name: str,
        email: str | None = None,
        product_role: str | None = None,
        members: Sequence[str] = (),
    ) -> Principal:
        """Make a user, a machine identity or a group.

        Raises:
            BadInput: a member of the group is neither a user nor a machine identity.
            Conflict: the slug or e-mail address is taken.
        """
        with self._context.unit_of_work(actor) as uow:
            taken = select(Principal).where(
                or_(Principal.slug == slug, col(Principal.email) == email if email else False)
            )
            if uow.session.exec(taken).first():
                raise Conflict(f"A principal called {slug!r}, or with this e-mail address, exists already.")
            role = product_role or (None if kind == "group" else ProductRole.MEMBER)
            principal = insert_principal(uow, kind, slug, name, email, role)
            found = {row.id: row for row in (find_principal(uow.session, m) for m in members)}
            for inner in found.values():
                if inner.kind == "group" or inner.kind in WITHOUT_ROLE:
                    raise BadInput(
                        "Only users and machine identities belong to a group; name them.", "members"
                    )
                uow.session.add(GroupMember(group_id=principal.id, principal_id=inner.id))
            return principal

    def list(self, kind: str | None = None) -> Sequence[Principal]:
        """All principals, or those of one kind."""
        with self._context.db.read() as session:
            query = select(Principal).order_by(Principal.slug)
            return session.exec(query.where(Principal.kind == kind) if kind else query).all()

    def get(self, reference: str, kind: str | None = None) -> Principal:
        """One principal by slug, id or e-mail address. Raises NotFound, also where it is of another kind."""
        with self._context.db.read() as session:
            found = find_principal(session, reference)
            if kind is not None and found.kind != kind:
                raise NotFound(kind, reference)
            return found

    def members_of(self, group_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The slugs of the members of several groups, by the id of the group."""
        query = (
            select(GroupMember.group_id, Principal.slug)
            .join(Principal, col(Principal.id) == col(GroupMember.principal_id))
            .where(col(GroupMember.group_id).in_(group_ids))
        )
        found: dict[str, list[str]] = {}
        with self._context.db.read() as session:
            for group_id, slug in session.exec(query.order_by(Principal.slug)).all():
                found.setdefault(group_id, []).append(slug)
        return found

    def set_active(self, actor: Actor, reference: str, active: bool) -> Principal:
        """Activate or deactivate; a deactivated principal's tokens and votes are refused at once.

        A group that is not active gives its members no role and no seat until it is again.

        Raises:
            Conflict: it is the last Product Admin.
        """
        with self._context.unit_of_work(actor) as uow:
            principal = find_principal(uow.session, reference)
            if not active:
                _refuse_last_admin(uow.session, principal)
            principal.active = active
            uow.session.add(principal)
            change = PrincipalActivated if active else PrincipalDeactivated
            uow.record(change(principal.id, name=principal.name))
            return principal

    def update(
        self,
        actor: Actor,
        reference: str,
        *,
        name: str | Unchanged = UNCHANGED,
        product_role: str | Unchanged = UNCHANGED,
    ) -> Principal:
        """Change the name or the product role.

        Raises:
            BadInput: a group or an enrollment client has no product role.
            Conflict: it is the last Product Admin.
        """
        with self._context.unit_of_work(actor) as uow:
            principal = find_principal(uow.session, reference)
            if product_role not in (UNCHANGED, principal.product_role):
                _refuse_role_of(principal)
                _refuse_last_admin(uow.session, principal)
            before, after = patch(uow.session, principal, name=name, product_role=product_role)
            uow.record(PrincipalUpdated(principal.id, before=before, after=after))
            return principal

    def set_group_member(self, actor: Actor, group: str, principal: str, inside: bool) -> None:
        """Put a user or machine identity into a group, or take it out; doing it twice is fine.

        Raises:
            BadInput: the one is no group, or the other is one.
        """
        with self._context.unit_of_work(actor) as uow:
            outer, inner = find_principal(uow.session, group), find_principal(uow.session, principal)
            if outer.kind != "group" or inner.kind == "group" or inner.kind in WITHOUT_ROLE:
                raise BadInput("Name a group, and a user or machine identity to belong to it.", "principal")
            row = uow.session.get(GroupMember, (outer.id, inner.id))
            if (row is not None) == inside:
                return
            if row is not None:
                uow.session.delete(row)
            else:
                uow.session.add(GroupMember(group_id=outer.id, principal_id=inner.id))
            change = GroupJoined if inside else GroupLeft
            uow.record(change(inner.id, group=outer.slug, group_id=outer.id, name=inner.name))

    def group_members(self, group: str) -> Sequence[Principal]:
        """Who belongs to a group."""
        with self._context.db.read() as session:
            return _members_of(session, find_principal(session, group))

    def authorize(self, actor: Actor, permission: Permission) -> None:
        """Let a call about the product go on, or not. Raises Forbidden."""
        _let(actor, permission, None, "the product")

    def authorize_in(self, actor: Actor, permission: Permission, application: str | None) -> str | None:
        """Let a call about one Application go on, or not; ``None`` names the legacy scope.

        Returns:
            The id of the Application named by id or slug.

        Raises:
            NotFound: the Application is unknown, or nothing in it may be seen.
            Forbidden: it may be seen, but this may not be done.
        """
        with self._context.db.read() as session:
            if application is None:
                owner, role = None, role_in(session, actor.principal_id, None)
            else:
                owner, role = _application_and_role(session, actor, application)
        if role is None and actor.product_role != ProductRole.ADMIN:
            raise NotFound("Application" if application is not None else "object")
        _let(actor, permission, role, "this Application" if application is not None else "the legacy scope")
        return owner.id if owner else None

    def held_in(self, actor: Actor, application_id: str | None) -> Sequence[Permission]:
        """What the caller may do in an Application; ``None`` names the legacy scope."""
        with self._context.db.read() as session:
            return self.held(actor, role_in(session, actor.principal_id, application_id))

    def roles(self, actor: Actor) -> Mapping[str, Role]:
        """The caller's strongest role in each Application where it is a member, by slug in order."""
        with self._context.db.read() as session:
            mine = identities_of(session, actor.principal_id or "")
            query = (
                select(Application.slug, Membership.role)
                .join(Membership, col(Membership.application_id) == col(Application.id))
                .where(col(Membership.principal_id).in_(mine))
            )
            found: dict[str, list[str]] = {}
            for slug, name in session.exec(query.order_by(Application.slug)).all():
                found.setdefault(slug, []).append(name)
        return {slug: role for slug, roles in found.items() if (role := strongest(roles)) is not None}

    def reach(self, actor: Actor) -> Reach:
        """What the caller may do in which Applications, in one statement."""
        with self._context.db.read() as session:
            mine = col(Membership.principal_id)
            query = select(Membership.application_id, Membership.role).where(
                of_principal(actor.principal_id or "")
            )
            found: dict[str | None, list[str]] = {}
            for application_id, name in session.exec(query.order_by(mine)).all():
                found.setdefault(application_id, []).append(name)
        roles = {ident: role for ident, names in found.items() if (role := strongest(names)) is not None}
        return Reach(actor.product_role, actor.scopes, roles)

    def held(self, actor: Actor, role: Role | None = None) -> Sequence[Permission]:
        """What the caller may do with the product, and by this role in an Application."""
        return sorted(
            permission
            for permission in Permission
            if allows(permission, product_role=actor.product_role, role=role, scopes=actor.scopes)
        )


def _application_and_role(session: Session, actor: Actor, reference: str) -> tuple[Application, Role | None]:
    """An Application by slug or id, with the actor's strongest role there, in one statement.

    Raises:
        NotFound: to the letter as for one that may not be seen, since whether it exists is not for outsiders to know.
    """
    here = and_(col(Membership.application_id) == col(Application.id), of_principal(actor.principal_id or ""))
    query = (
        select(Application, Membership.role)
        .join(Membership, here, isouter=True)
        .where(or_(Application.id == reference, Application.slug == reference))
    )
    rows = session.exec(query).all()
    if not rows:
        raise NotFound("Application")
    found = rows[0][0]
    return found, strongest([role for row, role in rows if row is found and role is not None])


def _let(actor: Actor, permission: Permission, role: Role | None, where: str) -> None:
    if not allows(permission, product_role=actor.product_role, role=role, scopes=actor.scopes):
        raise Forbidden(f"Your roles in {where}, or the scopes of your token, do not include {permission!s}.")


def _members_of(session: Session, group: Principal) -> Sequence[Principal]:
    return session.exec(
        select(Principal)
        .join(GroupMember, col(GroupMember.principal_id) == col(Principal.id))
        .where(GroupMember.group_id == group.id)
        .order_by(Principal.slug)
    ).all()


def _refuse_role_of(principal: Principal) -> None:
    if principal.kind == "group":
        raise BadInput("A group has no product role; give it to its members.", "product_role")
    if principal.kind in WITHOUT_ROLE:
        raise BadInput("An enrollment client or an agent has no product role.", "product_role")


def _refuse_last_admin(session: Session, principal: Principal) -> None:
    """One Product Admin must remain: all are locked, for two that are demoted at once would each see the other."""
    if principal.product_role != ProductRole.ADMIN or not principal.active:
        return
    active = select(Principal).where(
        Principal.product_role == ProductRole.ADMIN, col(Principal.active).is_(True)
    )
    admins = session.exec(locked(active.order_by(Principal.id))).all()
    if all(admin.id == principal.id for admin in admins):
        raise Conflict("This is the last Product Admin; make another one first.", kind="last-admin")


def insert_principal(
    uow: UnitOfWork, kind: str, slug: str, name: str, email: str | None, product_role: str | None
) -> Principal:
    """Add a principal, on record."""
    principal = Principal(
        id=uow.new_id(),
        created_at=uow.now,
        kind=kind,
        slug=slug,
        name=name,
        email=email.lower() if email else None,
        product_role=product_role,
    )
    uow.session.add(principal)
    uow.record(PrincipalCreated(principal.id, kind=kind, name=name, product_role=product_role))
    return principal


def _slug_of(name: str) -> str:
    """Shorter than an id, so that it is never taken for one."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())[:31] or "admin"
