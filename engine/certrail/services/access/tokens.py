"""Bearer tokens: created, shown once, rotated, revoked and verified."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from certrail.domain.access import AGENT, ENROLLMENT_CLIENT, Permission, ProductRole, within
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from certrail.domain.events.access import TokenCreated, TokenMadeForOther, TokenRevoked, TokenRotated
from certrail.persistence.tables import AccessToken, Principal
from certrail.services.access.confinement import confinement_of
from certrail.services.access.membership import actor_of, find_principal
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

TOKEN_PREFIX = "crt"  # noqa: S105 - a public prefix, so that secret scanners recognise tokens
LONGEST_TOKEN = 200
LONGEST_OVERLAP = timedelta(days=30)
PERSON_LIFETIME = timedelta(days=90)
"""Of a user's token for which no lifetime is given: people forget theirs."""


class Tokens:
    """Of users and machine identities. Only the SHA-256 of a token's secret part is kept."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def issue(
        self,
        actor: Actor,
        principal: str,
        *,
        name: str,
        scopes: Sequence[str] = (),
        lifetime: timedelta | None = None,
    ) -> tuple[AccessToken, str]:
        """Make a token; its text is returned here and never again.

        It ends no later than the token or session that it is created with, and with that when it is revoked or ended.
        One that is made for somebody else casts no vote, and is an event that is notified product-wide.

        Args:
            lifetime: `None` is 90 days for a user, and no end for a machine identity.

        Raises:
            Forbidden: it is for somebody else and the caller is no Product Admin.
            BadInput: a scope is unknown, or the lifetime is none.
        """
        if lifetime is not None and lifetime <= timedelta(0):
            raise BadInput("A token lives for some time: give a lifetime above zero.", "lifetime")
        known = {p.value for p in Permission} | {p.value.partition(":")[0] for p in Permission}
        if unknown := sorted(set(scopes) - known):
            raise BadInput(
                f"Unknown scopes: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.", "scopes"
            )
        with self._context.unit_of_work(actor) as uow:
            owner = _owner(uow.session, actor, principal)
            _refuse_wider(actor, scopes)
            if owner.kind == "group":
                raise BadInput(
                    "A group cannot hold a token; make one for a user or machine identity.", "principal"
                )
            if owner.kind == ENROLLMENT_CLIENT:
                raise BadInput(
                    "An enrollment client acts by its protocol only, without a token.", "principal"
                )
            if owner.kind == AGENT:
                raise BadInput(
                    "An agent gets its token by enrollment; delete it and create it anew.", "principal"
                )
            if lifetime is None and owner.kind == "user":
                lifetime = PERSON_LIFETIME
            return insert_token(uow, owner, name, scopes, lifetime)

    def rotate(
        self, actor: Actor, token_id: str, overlap: timedelta = timedelta(0)
    ) -> tuple[AccessToken, str]:
        """Create a successor with the same name, scopes and lifetime.

        It ends no later than the token that the call came with, so none can live on by rotating itself.

        Args:
            overlap: how long the present one still holds, so that it can be replaced where it is used.

        Raises:
            NotFound: it is somebody else's and the caller is no Product Admin.
            Conflict: it is revoked or has expired.
        """
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise BadInput("The old token holds for at most 30 days more.", "overlap")
        with self._context.unit_of_work(actor) as uow:
            present = _managed(uow.session, actor, token_id)
            if present.revoked_at or (present.expires_at and present.expires_at <= uow.now):
                raise Conflict("The token holds no more; make a new one.", kind="token-ended")
            lifetime = present.expires_at - present.created_at if present.expires_at else None
            owner = uow.session.get_one(Principal, present.principal_id)
            ends = uow.now + overlap
            present.expires_at = min(present.expires_at, ends) if present.expires_at else ends
            uow.session.add(present)
            uow.record(TokenRotated(present.id, name=present.name, holds_until=ends))
            # The successor stays with the session of the present one, which may be revoked before its overlap ends.
            return insert_token(uow, owner, present.name, present.scopes, lifetime, successor_of=present)

    def revoke(self, actor: Actor, token_id: str) -> None:
        """Make a token useless at once, and those that were made with it."""
        with self._context.unit_of_work(actor) as uow:
            token = _managed(uow.session, actor, token_id)
            token.revoked_at = token.revoked_at or uow.now
            uow.session.add(token)
            uow.record(TokenRevoked(token.id, name=token.name))
            revoke_made_with(uow, token.id)

    def get(self, token_id: str) -> AccessToken:
        """One token. Raises NotFound."""
        with self._context.db.read() as session:
            if (token := session.get(AccessToken, token_id)) is None:
                raise NotFound("token")
            return token

    def managed(self, actor: Actor, token_id: str) -> AccessToken:
        """One token that the actor may manage, see `_managed`. Raises NotFound, Forbidden."""
        with self._context.db.read() as session:
            return _managed(session, actor, token_id)

    def list(self, actor: Actor, principal: str | None = None) -> Sequence[AccessToken]:
        """The tokens of the actor, or of anybody for a Product Admin, within its own scopes. Raises NotFound."""
        with self._context.db.read() as session:
            owner = find_principal(session, principal).id if principal else actor.principal_id
            if owner != actor.principal_id and actor.product_role != ProductRole.ADMIN:
                raise NotFound("principal", principal)
            rows = session.exec(select(AccessToken).where(AccessToken.principal_id == owner)).all()
            return [row for row in rows if within(row.scopes, actor.scopes)]

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
        with self._context.db.read() as session:
            query = select(AccessToken, Principal).join(
                Principal, col(Principal.id) == col(AccessToken.principal_id)
            )
            found = session.exec(query.where(AccessToken.id == token_id)).first()
            # Compare for an unknown id too, in constant time: the duration must not reveal whether the id exists.
            expected = found[0].secret_hash if found else hash_of("")
            if not hmac.compare_digest(hash_of(secret), expected) or found is None:
                raise refused
            token, owner = found
            now = self._context.clock()
            if token.revoked_at or (token.expires_at and token.expires_at <= now) or not owner.active:
                raise refused
            actor = actor_of(
                owner,
                frozenset(token.scopes),
                request_id,
                token.expires_at,
                credential=token.id,
                may_vote=token.may_vote,
                auth_time=token.auth_time,
            )
            if owner.kind != AGENT:
                return actor
            if (limits := confinement_of(session, owner.id)) is None:
                raise refused
            return replace(actor, confinement=limits)


def insert_token(
    uow: UnitOfWork,
    owner: Principal,
    name: str,
    scopes: Sequence[str] = (),
    lifetime: timedelta | None = None,
    *,
    successor_of: AccessToken | None = None,
    secret_hash: str | None = None,
    auth_time: datetime | None = None,
) -> tuple[AccessToken, str]:
    """A token and its text, which is kept nowhere.

    Args:
        secret_hash: of the secret of a caller that made it itself; then the text ends before it.
        auth_time: when the owner signed in for it. A token that is made with another one has none.
    """
    secret, actor = "" if secret_hash else secrets.token_urlsafe(32), uow.actor
    ends = (uow.now + lifetime if lifetime else None, actor.until)
    # certrail itself makes tokens on the server's own machine and at a sign-in, for whoever is there.
    other = actor.principal_id not in (None, owner.id)
    may_vote = actor.may_vote and not other and (successor_of is None or successor_of.may_vote)
    token = AccessToken(
        id=uow.new_id(),
        created_at=uow.now,
        principal_id=owner.id,
        name=name,
        secret_hash=secret_hash or hash_of(secret),
        scopes=sorted(set(scopes)),
        expires_at=min((end for end in ends if end), default=None),
        made_with=successor_of.made_with if successor_of else actor.credential,
        made_by=actor.principal_id if other else None,
        may_vote=may_vote,
        auth_time=auth_time,
    )
    uow.session.add(token)
    uow.record(TokenCreated(token.id, name=name, owner=owner.name, scopes=token.scopes))
    if other:
        uow.record(
            TokenMadeForOther(owner.id, slug=owner.slug, token=name, token_id=token.id, made_by=actor.name)
        )
    return token, f"{TOKEN_PREFIX}_{token.id}_{secret}"


def revoke_made_with(uow: UnitOfWork, credential: str) -> None:
    """Revoke the tokens that were made with a token or session, and those made with them in turn."""
    ends = {credential}
    while ends:
        query = select(AccessToken).where(
            col(AccessToken.made_with).in_(ends), col(AccessToken.revoked_at).is_(None)
        )
        rows = uow.session.exec(query).all()
        for token in rows:
            token.revoked_at = uow.now
            uow.session.add(token)
            uow.record(TokenRevoked(token.id, name=token.name))
        ends = {token.id for token in rows}


def hash_of(secret: str) -> str:
    """What is stored of a secret that is random and long."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _owner(session: Session, actor: Actor, reference: str) -> Principal:
    """The owner of a new token. Only Product Admins learn whether another principal of this name exists."""
    if _over_others(actor):
        return find_principal(session, reference)
    own = session.get_one(Principal, actor.principal_id)
    if reference not in (own.id, own.slug, own.email):
        raise Forbidden("Only a Product Admin makes tokens for others.")
    return own


def _over_others(actor: Actor) -> bool:
    return actor.kind == "system" or actor.product_role == ProductRole.ADMIN


def _managed(session: Session, actor: Actor, token_id: str) -> AccessToken:
    """A token of the actor's own, or anybody's for a Product Admin.

    Raises:
        NotFound: unknown, or somebody else's.
        Forbidden: it can do more than the token that the call came with.
    """
    token = session.get(AccessToken, token_id)
    if token is None or not (_over_others(actor) or token.principal_id == actor.principal_id):
        raise NotFound("token")
    _refuse_wider(actor, token.scopes)
    return token


def _refuse_wider(actor: Actor, scopes: Sequence[str]) -> None:
    if not within(scopes, actor.scopes):
        raise Forbidden("A token makes and manages only tokens within its own scopes.")
