"""Browser sessions of users who signed in through an OpenID Connect provider."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from certrail.domain.access import ProductRole
from certrail.domain.errors import Forbidden, Unauthenticated
from certrail.domain.events.access import (
    PrincipalCreated,
    PrincipalLinked,
    SessionEnded,
    SessionRefused,
    SessionStarted,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import BrowserSession, OidcIdentity, Principal
from certrail.services.access.membership import actor_of
from certrail.services.access.tokens import hash_of, insert_token, revoke_made_with
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=5)
"""How exactly the last use is kept: a write for every call would make readers wait for each other."""
DRAFT_KEPT = timedelta(minutes=10)
LONGEST_COOKIE = 200
TOKEN_NAME = "certrail login"  # noqa: S105  the name that its owner sees, no secret


@dataclass(frozen=True)
class Claims:
    """What a provider says of somebody, after its signature was checked.

    Attributes:
        email: only where the provider says that it is verified.
        auth_time: when the user authenticated there; ``None`` where the provider does not say.
    """

    issuer: str
    subject: str
    email: str | None
    name: str | None
    auth_time: datetime | None = None


@dataclass(frozen=True)
class Draft:
    """A form that was not taken because its reader had to sign in again.

    Attributes:
        path: of the page that has the form.
    """

    path: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Browser:
    """A session that is alive.

    Attributes:
        csrf_token: what every call that changes something must show; only the pages of this server can read it.
        draft: the form to which the reader comes back from signing in again.
    """

    actor: Actor
    csrf_token: str
    expires_at: datetime
    draft: Draft | None = None


@dataclass(frozen=True)
class IssuedToken:
    """The access token of a sign-in, with the name of its user."""

    text: str = field(repr=False)
    name: str
    expires_at: datetime


class Sessions:
    """Ended by signing out, by time, by idleness, and by the deactivation of the user."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def begin(self, claims: Claims, *, admit_new: bool = False, cookie: str | None = None) -> str:
        """Sign somebody in; returns the text of the cookie, which is kept nowhere.

        A subject that was here before is recognised by issuer and subject alone; the first time its verified e-mail
        address must be that of a user.

        Args:
            admit_new: make a Product Member of somebody who is no user yet.
            cookie: of the session that the browser has; that of the same user goes on, under a new secret.

        Raises:
            Forbidden: nobody here has this address, or the user is deactivated; the refusal is on record.
        """
        with self._refusals(claims), self._context.unit_of_work(SYSTEM) as uow:
            user = self._user(uow, claims, admit_new)
            return insert_session(uow, user, claims.issuer, claims.auth_time, cookie)

    def begin_with_token(self, claims: Claims, *, admit_new: bool = False) -> IssuedToken:
        """Sign somebody in at a command line, with an access token that lives as long as a session.

        Args:
            admit_new: as for `begin`.

        Raises:
            Forbidden: as for `begin`.
        """
        with self._refusals(claims), self._context.unit_of_work(SYSTEM) as uow:
            user = self._user(uow, claims, admit_new)
            row, text = insert_token(
                uow, user, TOKEN_NAME, lifetime=LIFETIME, auth_time=_past(claims.auth_time, uow.now)
            )
            uow.record(SessionStarted(user.id, name=user.name, issuer=claims.issuer))
            assert row.expires_at is not None
            return IssuedToken(text, user.name, row.expires_at)

    @contextmanager
    def _refusals(self, claims: Claims) -> Iterator[None]:
        """Record a refused sign-in, in a transaction of its own: that of the sign-in is rolled back."""
        try:
            yield
        except Forbidden as refusal:
            with self._context.unit_of_work(SYSTEM) as uow:
                uow.record(SessionRefused(claims.issuer[:80], subject=claims.subject, reason=refusal.kind))
            raise

    def resume(self, cookie: str, request_id: str | None = None) -> Browser:
        """The user behind a cookie. Raises Unauthenticated."""
        refused = Unauthenticated("Your session has ended; sign in again.", kind="session-ended")
        ident, _, secret = cookie.partition(".")
        if not secret or len(cookie) > LONGEST_COOKIE:
            raise refused
        now = self._context.clock()
        with self._context.db.read() as session:
            query = select(BrowserSession, Principal).join(
                Principal, col(Principal.id) == col(BrowserSession.principal_id)
            )
            found = session.exec(query.where(BrowserSession.id == ident)).first()
            # Compare for an unknown id too, in constant time: the duration must not reveal whether the id exists.
            expected = found[0].secret_hash if found else hash_of("")
            if not hmac.compare_digest(hash_of(secret), expected) or found is None:
                raise refused
            row, owner = found
            if not _is_alive(row, now) or not owner.active:
                raise refused
        if row.seen_at + SEEN_EVERY <= now:
            self._seen(ident, now)
        actor = actor_of(
            owner, request_id=request_id, until=row.expires_at, credential=row.id, auth_time=row.auth_time
        )
        return Browser(actor, csrf_token_of(secret), row.expires_at, _draft_of(row, now))

    def keep_draft(self, actor: Actor, draft: Draft) -> bool:
        """Keep a form for ten minutes, in which its reader signs in again; whether the call came with a session."""
        with self._context.unit_of_work(actor) as uow:
            row = uow.session.get(BrowserSession, actor.credential or "")
            if row is None:
                return False
            until = (uow.now + DRAFT_KEPT).isoformat()
            row.draft = {"path": draft.path, "fields": dict(draft.fields), "until": until}
            uow.session.add(row)
            return True

    def end(self, cookie: str) -> None:
        """Sign out, which revokes the tokens that were made in the session; doing it twice is fine."""
        ident, _, secret = cookie.partition(".")
        with self._context.unit_of_work(SYSTEM) as uow:
            row = uow.session.get(BrowserSession, ident)
            if row is None or row.ended_at or not hmac.compare_digest(hash_of(secret), row.secret_hash):
                return
            row.ended_at = uow.now
            uow.session.add(row)
            uow.record(SessionEnded(row.principal_id))
            revoke_made_with(uow, row.id)

    def _seen(self, ident: str, now: datetime) -> None:
        with self._context.db.write() as session:
            if (row := session.get(BrowserSession, ident)) is not None:
                row.seen_at = now
                session.add(row)

    def _user(self, uow: UnitOfWork, claims: Claims, admit_new: bool) -> Principal:
        known = _known(uow.session, claims)
        user = uow.session.get_one(Principal, known.principal_id) if known else _by_email(uow, claims)
        if user is None and admit_new and claims.email:
            user = _admitted(uow, claims, claims.email)
        if user is None:
            raise Forbidden(
                "You are not a user of certrail, or your provider does not vouch for your e-mail address. Ask a"
                " Product Admin to add you with this address.",
                kind="unknown-user",
            )
        if not user.active:
            raise Forbidden("Your account is deactivated.", kind="deactivated")
        if known is None:
            uow.session.add(
                OidcIdentity(
                    id=uow.new_id(),
                    created_at=uow.now,
                    issuer=claims.issuer,
                    subject=claims.subject,
                    principal_id=user.id,
                )
            )
            uow.record(PrincipalLinked(user.id, issuer=claims.issuer, subject=claims.subject))
        return user


def insert_session(
    uow: UnitOfWork,
    user: Principal,
    issuer: str,
    auth_time: datetime | None = None,
    cookie: str | None = None,
) -> str:
    """Begin the session of a user, or go on with the one that the browser has; returns the text of the cookie.

    A session that goes on has another secret, so a copy of the former cookie is worth nothing. Its tokens stay.

    Args:
        issuer: who vouches for the user.
        auth_time: when the user authenticated, if that is known.
        cookie: of the session that the browser has.
    """
    secret, ends = secrets.token_urlsafe(32), uow.now + LIFETIME
    row = _present(uow, user, cookie) if cookie else None
    if row is None:
        row = BrowserSession(
            id=uow.new_id(),
            created_at=uow.now,
            principal_id=user.id,
            secret_hash="",
            expires_at=ends,
            seen_at=uow.now,
        )
    row.secret_hash, row.expires_at, row.seen_at = hash_of(secret), ends, uow.now
    row.auth_time = _past(auth_time, uow.now)
    uow.session.add(row)
    uow.record(SessionStarted(user.id, name=user.name, issuer=issuer))
    return f"{row.id}.{secret}"


def _present(uow: UnitOfWork, user: Principal, cookie: str) -> BrowserSession | None:
    """The session of a user that a browser shows, while it lives."""
    ident, _, secret = cookie.partition(".")
    # Two sign-ins of one browser wait for each other: the second no longer knows the secret, and begins its own.
    row = uow.session.exec(locked(select(BrowserSession).where(BrowserSession.id == ident))).first()
    if row is None or not hmac.compare_digest(hash_of(secret), row.secret_hash):
        return None
    return row if row.principal_id == user.id and _is_alive(row, uow.now) else None


def _is_alive(row: BrowserSession, now: datetime) -> bool:
    return not row.ended_at and row.expires_at > now and row.seen_at + IDLE > now


def _past(instant: datetime | None, now: datetime) -> datetime | None:
    """A time that another clock says: nobody signs in later than now."""
    return min(instant, now) if instant else None


def _draft_of(row: BrowserSession, now: datetime) -> Draft | None:
    if row.draft is None or datetime.fromisoformat(row.draft["until"]) <= now:
        return None
    return Draft(row.draft["path"], row.draft["fields"])


def csrf_token_of(secret: str) -> str:
    """Bound to one session; the secret does not follow from it."""
    return hmac.new(secret.encode(), b"certrail csrf", hashlib.sha256).hexdigest()


def _known(session: Session, claims: Claims) -> OidcIdentity | None:
    query = select(OidcIdentity).where(
        OidcIdentity.issuer == claims.issuer, OidcIdentity.subject == claims.subject
    )
    return session.exec(query).first()


def _by_email(uow: UnitOfWork, claims: Claims) -> Principal | None:
    """A user with this address whom no other subject of the issuer is."""
    if not claims.email:
        return None
    query = select(Principal).where(Principal.kind == "user", col(Principal.email) == claims.email.lower())
    user = uow.session.exec(query).first()
    if user is None:
        return None
    taken = select(OidcIdentity.id).where(
        OidcIdentity.principal_id == user.id, OidcIdentity.issuer == claims.issuer
    )
    if uow.session.exec(taken).first():
        raise Forbidden(
            "This e-mail address belongs to a user who signs in as somebody else at the same provider.",
            kind="address-taken",
        )
    return user


def _admitted(uow: UnitOfWork, claims: Claims, email: str) -> Principal:
    user = Principal(
        id=uow.new_id(),
        created_at=uow.now,
        kind="user",
        slug=f"user-{uow.new_id()[:12]}",
        name=(claims.name or email)[:128],
        email=email.lower(),
        product_role=ProductRole.MEMBER,
    )
    uow.session.add(user)
    uow.record(PrincipalCreated(user.id, kind="user", name=user.name, by="sign-in"))
    return user
