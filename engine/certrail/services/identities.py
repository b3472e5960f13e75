"""Principals, tokens and the one place that decides whether a call may go on."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, or_, select

from certrail.domain.access import Permission, ProductRole, Role, allows
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from certrail.persistence.tables import (
    AccessToken,
    Application,
    GroupMember,
    Principal,
)
from certrail.services.actor import SYSTEM, Actor
from certrail.services.kernel import Change, Kernel
from certrail.services.membership import role_in
from certrail.services.seats import recheck_everywhere

TOKEN_PREFIX = "crt"  # noqa: S105 - a public prefix, so that secret scanners recognise tokens
LONGEST_TOKEN = 200


class Identities:
    """Who there is, and who is calling."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def bootstrap(self, name: str, email: str | None = None) -> tuple[Principal, str]:
        """Make the first Product Admin and a token for them; possible once only.

        Raises:
            Conflict: there is an admin already.
        """
        with self._kernel.change(SYSTEM) as change:
            if change.session.exec(
                select(Principal).where(Principal.product_role == ProductRole.ADMIN)
            ).first():
                raise Conflict("There is a Product Admin already. Ask them for a token.", kind="bootstrapped")
            principal = _insert(change, "user", _slug_of(name), name, email, ProductRole.ADMIN)
            _, text = _issue_token(change, principal, "bootstrap", (), None)
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
            BadInput: a member of the group is a group.
            Conflict: the slug or e-mail address is taken.
        """
        with self._kernel.change(actor) as change:
            taken = select(Principal).where(
                or_(Principal.slug == slug, col(Principal.email) == email if email else False)
            )
            if change.session.exec(taken).first():
                raise Conflict(f"A principal called {slug!r}, or with this e-mail address, exists already.")
            role = product_role or (None if kind == "group" else ProductRole.MEMBER)
            principal = _insert(change, kind, slug, name, email, role)
            found = {row.id: row for row in (find_principal(change.session, m) for m in members)}
            for inner in found.values():
                if inner.kind == "group":
                    raise BadInput("A group cannot belong to a group; name its members.", "members")
                change.session.add(GroupMember(group_id=principal.id, principal_id=inner.id))
            return principal

    def list(self, kind: str | None = None) -> Sequence[Principal]:
        """All principals, or those of one kind."""
        with self._kernel.db.read() as session:
            query = select(Principal).order_by(Principal.slug)
            return session.exec(query.where(Principal.kind == kind) if kind else query).all()

    def set_active(self, actor: Actor, reference: str, active: bool) -> Principal:
        """Activate or deactivate; a deactivated principal's tokens and votes are refused at once.

        Raises:
            Conflict: it is the last Product Admin.
        """
        with self._kernel.change(actor) as change:
            principal = find_principal(change.session, reference)
            if not active:
                _refuse_last_admin(change.session, principal)
            principal.active = active
            change.session.add(principal)
            word = "activated" if active else "deactivated"
            change.event(f"principal.{word}", "principal", principal.id, name=principal.name)
            recheck_everywhere(change, [principal])
            return principal

    def update(
        self, actor: Actor, reference: str, *, name: str | None = None, product_role: str | None = None
    ) -> Principal:
        """Change the name or the product role.

        Raises:
            BadInput: a group has no product role.
            Conflict: it is the last Product Admin.
        """
        with self._kernel.change(actor) as change:
            principal = find_principal(change.session, reference)
            before = {"name": principal.name, "product_role": principal.product_role}
            principal.name = name if name is not None else principal.name
            if product_role is not None and product_role != principal.product_role:
                if principal.kind == "group":
                    raise BadInput("A group has no product role; give it to its members.", "product_role")
                _refuse_last_admin(change.session, principal)
                principal.product_role = product_role
            change.session.add(principal)
            after = {"name": principal.name, "product_role": principal.product_role}
            change.event("principal.updated", "principal", principal.id, before=before, after=after)
            return principal

    def set_group_member(self, actor: Actor, group: str, principal: str, inside: bool) -> None:
        """Put a user or machine identity into a group, or take it out; doing it twice is fine.

        Raises:
            BadInput: the one is no group, or the other is one.
        """
        with self._kernel.change(actor) as change:
            outer, inner = find_principal(change.session, group), find_principal(change.session, principal)
            if outer.kind != "group" or inner.kind == "group":
                raise BadInput("Name a group, and a user or machine identity to belong to it.", "principal")
            row = change.session.get(GroupMember, (outer.id, inner.id))
            if (row is not None) == inside:
                return
            if row is not None:
                change.session.delete(row)
            else:
                change.session.add(GroupMember(group_id=outer.id, principal_id=inner.id))
            word = "joined" if inside else "left"
            change.event(f"group.{word}", "principal", inner.id, group=outer.slug, name=inner.name)
            recheck_everywhere(change, [outer, inner])

    def group_members(self, group: str) -> Sequence[Principal]:
        """Who belongs to a group."""
        with self._kernel.db.read() as session:
            outer = find_principal(session, group)
            return session.exec(
                select(Principal)
                .join(GroupMember, col(GroupMember.principal_id) == col(Principal.id))
                .where(GroupMember.group_id == outer.id)
                .order_by(Principal.slug)
            ).all()

    def issue_token(
        self,
        actor: Actor,
        principal: str,
        *,
        name: str,
        scopes: Sequence[str] = (),
        lifetime: timedelta | None = None,
    ) -> tuple[AccessToken, str]:
        """Make a token; its text is returned here and never again.

        Raises:
            Forbidden: it is for somebody else and the caller is no Product Admin.
            BadInput: a scope is unknown.
        """
        known = {p.value for p in Permission} | {p.value.partition(":")[0] for p in Permission}
        if unknown := sorted(set(scopes) - known):
            raise BadInput(
                f"Unknown scopes: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.", "scopes"
            )
        with self._kernel.change(actor) as change:
            owner = find_principal(change.session, principal)
            if (
                actor.kind != "system"
                and actor.product_role != ProductRole.ADMIN
                and actor.principal_id != owner.id
            ):
                raise Forbidden("Only a Product Admin makes tokens for others.")
            if (actor.scopes and not set(scopes)) or (actor.scopes and not set(scopes) <= actor.scopes):
                raise Forbidden("A token may not carry more scopes than the one it is made with.")
            if owner.kind == "group":
                raise BadInput(
                    "A group cannot hold a token; make one for a user or machine identity.", "principal"
                )
            return _issue_token(change, owner, name, scopes, lifetime)

    def revoke_token(self, actor: Actor, token_id: str) -> None:
        """Make a token useless at once."""
        with self._kernel.change(actor) as change:
            token = change.session.get(AccessToken, token_id)
            mine = token is not None and token.principal_id == actor.principal_id
            if token is None or not (
                mine or actor.kind == "system" or actor.product_role == ProductRole.ADMIN
            ):
                raise NotFound("token")
            token.revoked_at = token.revoked_at or change.now
            change.session.add(token)
            change.event("token.revoked", "token", token.id, name=token.name)

    def tokens(self, principal: str) -> Sequence[AccessToken]:
        """The tokens of one principal."""
        with self._kernel.db.read() as session:
            owner = find_principal(session, principal)
            return session.exec(select(AccessToken).where(AccessToken.principal_id == owner.id)).all()

    def authenticate(self, text: str, request_id: str | None = None) -> Actor:
        """The actor behind a bearer token.

        Raises:
            Unauthenticated: malformed, unknown, expired or revoked token, or a deactivated owner.
        """
        refused = Unauthenticated("Give a valid bearer token in the Authorization header.")
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        if prefix != TOKEN_PREFIX or not secret or len(text) > LONGEST_TOKEN:
            raise refused
        with self._kernel.db.read() as session:
            token = session.get(AccessToken, token_id)
            # The comparison is made for an unknown id too, so that time tells nothing.
            expected = token.secret_hash if token else _hash("")
            if not hmac.compare_digest(_hash(secret), expected) or token is None:
                raise refused
            now = self._kernel.clock()
            if token.revoked_at or (token.expires_at and token.expires_at <= now):
                raise refused
            owner = session.get_one(Principal, token.principal_id)
            if not owner.active:
                raise refused
            return actor_of(owner, frozenset(token.scopes), request_id)

    def authorize(self, actor: Actor, permission: Permission, application: str | None = None) -> str | None:
        """Let the call go on, or not; the one authorisation function of the product.

        Returns:
            The id of the Application named by id or slug, if one was named.

        Raises:
            NotFound: the Application is unknown, or nothing in it may be seen.
            Forbidden: it may be seen, but this may not be done.
        """
        with self._kernel.db.read() as session:
            role: Role | None = None
            application_id: str | None = None
            if application is not None:
                found = find_application(session, application)
                application_id = found.id
                role = role_in(session, actor.principal_id, found.id)
                if role is None and actor.product_role != ProductRole.ADMIN:
                    raise NotFound("Application")
        if allows(permission, product_role=actor.product_role, role=role, scopes=actor.scopes):
            return application_id
        where = "this Application" if application else "the product"
        raise Forbidden(f"Your roles in {where}, or the scopes of your token, do not include {permission!s}.")

    def held(self, actor: Actor, application_id: str | None = None) -> Sequence[Permission]:
        """What the caller may do in an Application, or with the product where none is named."""
        with self._kernel.db.read() as session:
            role = role_in(session, actor.principal_id, application_id) if application_id else None
        return sorted(
            permission
            for permission in Permission
            if allows(permission, product_role=actor.product_role, role=role, scopes=actor.scopes)
        )


def actor_of(owner: Principal, scopes: frozenset[str] = frozenset(), request_id: str | None = None) -> Actor:
    """A principal as the one who acts."""
    return Actor(owner.id, owner.kind, owner.name, owner.product_role, scopes, request_id)


def find_application(session: Session, reference: str) -> Application:
    """By slug or id. Raises NotFound."""
    query = select(Application).where(or_(Application.id == reference, Application.slug == reference))
    if (found := session.exec(query).first()) is None:
        raise NotFound("Application")
    return found


def find_principal(session: Session, reference: str) -> Principal:
    """By slug, id or e-mail address. Raises NotFound."""
    query = select(Principal).where(
        or_(Principal.id == reference, Principal.slug == reference, col(Principal.email) == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("principal")
    return found


def _refuse_last_admin(session: Session, principal: Principal) -> None:
    """Somebody must be able to let others in."""
    if principal.product_role != ProductRole.ADMIN or not principal.active:
        return
    others = select(Principal.id).where(
        Principal.product_role == ProductRole.ADMIN,
        col(Principal.active).is_(True),
        Principal.id != principal.id,
    )
    if session.exec(others).first() is None:
        raise Conflict("This is the last Product Admin; make another one first.", kind="last-admin")


def _insert(
    change: Change, kind: str, slug: str, name: str, email: str | None, product_role: str | None
) -> Principal:
    principal = Principal(
        id=change.new_id(),
        created_at=change.now,
        kind=kind,
        slug=slug,
        name=name,
        email=email.lower() if email else None,
        product_role=product_role,
    )
    change.session.add(principal)
    change.session.flush()
    change.event(
        "principal.created", "principal", principal.id, kind=kind, name=name, product_role=product_role
    )
    return principal


def _issue_token(
    change: Change, owner: Principal, name: str, scopes: Sequence[str], lifetime: timedelta | None
) -> tuple[AccessToken, str]:
    secret = secrets.token_urlsafe(32)
    token = AccessToken(
        id=change.new_id(),
        created_at=change.now,
        principal_id=owner.id,
        name=name,
        secret_hash=_hash(secret),
        scopes=sorted(set(scopes)),
        expires_at=change.now + lifetime if lifetime else None,
    )
    change.session.add(token)
    change.event("token.created", "token", token.id, name=name, owner=owner.name, scopes=token.scopes)
    return token, f"{TOKEN_PREFIX}_{token.id}_{secret}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _slug_of(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())[:64] or "admin"
