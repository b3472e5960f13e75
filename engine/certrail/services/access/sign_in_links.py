"""Links that sign a browser in once: whoever can open the keyring and the database may make them."""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from certrail.domain.access import ProductRole
from certrail.domain.errors import BadInput, Unauthenticated
from certrail.domain.events.access import SignInLinkCreated
from certrail.persistence.database import locked
from certrail.persistence.tables import AuditChainHead, Principal, SignInLink
from certrail.services.access.membership import find_principal
from certrail.services.access.principals import insert_principal
from certrail.services.access.sessions import LONGEST_COOKIE, insert_session
from certrail.services.access.tokens import hash_of
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

LIFETIME = timedelta(minutes=10)
FIRST_ADMIN = "admin"
"""Slug and name of the first Product Admin, where the first link makes them."""
ISSUER = "certrail: sign-in link"


@dataclass(frozen=True)
class IssuedLink:
    """The secret part of a link, with the name of whom it signs in."""

    text: str = field(repr=False)
    name: str
    expires_at: datetime


class SignInLinks:
    """Each is used once, within ten minutes."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def make(self, reference: str | None = None) -> IssuedLink:
        """Make a link for a user; without one, for the first Product Admin, who is created with its use if need be.

        Args:
            reference: slug, id or e-mail address.

        Raises:
            NotFound: there is no such principal.
            BadInput: it is no user, or deactivated.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            user = find_principal(uow.session, reference) if reference else _first_admin(uow.session)
            if user is not None and not (user.kind == "user" and user.active):
                raise BadInput("Only active users sign in with a browser; name one.", "principal")
            secret = secrets.token_urlsafe(32)
            row = SignInLink(
                id=uow.new_id(),
                created_at=uow.now,
                principal_id=user.id if user else None,
                secret_hash=hash_of(secret),
                expires_at=uow.now + LIFETIME,
            )
            uow.session.add(row)
            name = user.name if user else FIRST_ADMIN
            uow.record(SignInLinkCreated(row.id, name=name, expires_at=row.expires_at))
            return IssuedLink(f"{row.id}.{secret}", name, row.expires_at)

    def whose(self, text: str) -> str:
        """The name of whom a link signs in. Raises Unauthenticated where it is used, too old or not ours."""
        with self._context.db.read() as session:
            row = _valid(session.get(SignInLink, _id_of(text)), text, self._context.clock())
            user = session.get(Principal, row.principal_id) if row.principal_id else _first_admin(session)
            return user.name if user else FIRST_ADMIN

    def use(self, text: str, cookie: str | None = None) -> str:
        """Sign in by a link, which counts from now; returns the text of the session's cookie.

        Args:
            cookie: of the session that the browser has; that of the same user goes on.

        Raises:
            Unauthenticated: it is used already, too old or not ours, or its user is deactivated.
        """
        with self._context.unit_of_work(SYSTEM) as uow:
            query = select(SignInLink).where(SignInLink.id == _id_of(text))
            # Two that come with one link wait for each other here, and the second finds it used.
            row = _valid(uow.session.exec(locked(query)).first(), text, uow.now)
            row.used_at = uow.now
            uow.session.add(row)
            user = uow.session.get(Principal, row.principal_id) if row.principal_id else _admin(uow)
            if user is None or not user.active:
                raise _refused()
            return insert_session(uow, user, ISSUER, uow.now, cookie)


def _valid(row: SignInLink | None, text: str, now: datetime) -> SignInLink:
    _, _, secret = text.partition(".")
    # Compared for an unknown id too: the duration must not reveal whether there is one.
    expected = row.secret_hash if row else hash_of("")
    fits = hmac.compare_digest(hash_of(secret), expected) and len(text) <= LONGEST_COOKIE
    if not fits or not secret or row is None or row.used_at is not None or row.expires_at <= now:
        raise _refused()
    return row


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "The link was used already, is older than ten minutes, or is not of this installation. Make a new one:"
        " certrail console",
        kind="link-not-valid",
    )


def _id_of(text: str) -> str:
    return text.partition(".")[0]


def _first_admin(session: Session) -> Principal | None:
    query = select(Principal).where(
        Principal.product_role == ProductRole.ADMIN, Principal.kind == "user", col(Principal.active).is_(True)
    )
    return session.exec(query.order_by(col(Principal.created_at), col(Principal.id))).first()


def _admin(uow: UnitOfWork) -> Principal:
    """The first Product Admin, created where there is none."""
    # The row that is always there: two at once wait for each other, as in `Principals.bootstrap`.
    uow.session.exec(locked(select(AuditChainHead))).one()
    if (found := _first_admin(uow.session)) is not None:
        return found
    taken = uow.session.exec(select(Principal.id).where(Principal.slug == FIRST_ADMIN)).first()
    slug = f"{FIRST_ADMIN}-{uow.new_id()[:8]}" if taken else FIRST_ADMIN
    return insert_principal(uow, "user", slug, FIRST_ADMIN, None, ProductRole.ADMIN)
