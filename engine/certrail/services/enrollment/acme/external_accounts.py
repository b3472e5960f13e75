"""Keys for external account bindings (RFC 8555 section 7.3.4): several an enrollment, shown once, rotated, revoked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.crypto import base64url
from certrail.crypto.purposes import EXTERNAL_ACCOUNT_PURPOSE, of_row
from certrail.domain.acme import AcmeProblem
from certrail.domain.errors import Conflict, NotFound
from certrail.domain.events.acme import (
    ExternalAccountKeyCreated,
    ExternalAccountKeyRevoked,
    ExternalAccountKeyRotated,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import CertificateProfile, ExternalAccountKey
from certrail.services.catalog.enrollment import enrollments
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.enrollment.acme.scope import AcmeScope

SECRET_BYTES = 32
MOST_KEYS = 1000
"""Of one enrollment."""


@dataclass(frozen=True)
class ShownKey:
    """A key with its secret, which is shown by the call that makes it and never again.

    Attributes:
        mac_key: base64url, as clients take it.
    """

    row: ExternalAccountKey
    mac_key: str


class ExternalAccountKeys:
    """Made by administrators, used by clients that register."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(self, actor: Actor, application_id: str | None, profile: str, name: str) -> ShownKey:
        """Create a key.

        Raises:
            NotFound: the profile is not used there.
            Conflict: the name is taken, or there are too many.
        """
        with self._context.unit_of_work(actor) as uow:
            found = _profile(uow.session, application_id, profile)
            rows = _of(application_id, found.id)
            if uow.session.exec(rows.where(ExternalAccountKey.name == name)).first():
                raise Conflict(f"There is a key called {name!r} already; rotate it, or choose another name.")
            counted = select(func.count()).select_from(rows.subquery())
            if uow.session.exec(counted).one() >= MOST_KEYS:
                raise Conflict(f"An enrollment has at most {MOST_KEYS} keys.")
            ident = uow.new_id()
            sealed, shown = self._secret(ident)
            row = ExternalAccountKey(
                id=ident,
                created_at=uow.now,
                scope=application_id or "",
                application_id=application_id,
                profile_id=found.id,
                name=name,
                secret_sealed=sealed,
            )
            uow.session.add(row)
            uow.record(ExternalAccountKeyCreated(row.id, application_id, name=name, profile=found.slug))
            return ShownKey(row, shown)

    def list(self, application_id: str | None, profile: str) -> Sequence[ExternalAccountKey]:
        """The keys of an enrollment, by name, without their secrets."""
        with self._context.db.read() as session:
            found = _profile(session, application_id, profile)
            return session.exec(_of(application_id, found.id).order_by(col(ExternalAccountKey.name))).all()

    def rotate(self, actor: Actor, application_id: str | None, profile: str, name: str) -> ShownKey:
        """Give a key a new secret; accounts that were bound by the old one stay.

        Raises:
            NotFound: there is no such key.
            Conflict: it is revoked.
        """
        with self._context.unit_of_work(actor) as uow:
            row = self._lock(uow.session, application_id, profile, name)
            if row.revoked_at is not None:
                raise Conflict(f"The key {name!r} is revoked; create another one.")
            row.secret_sealed, shown = self._secret(row.id)
            uow.session.add(row)
            uow.record(ExternalAccountKeyRotated(row.id, application_id, name=name))
            return ShownKey(row, shown)

    def revoke(self, actor: Actor, application_id: str | None, profile: str, name: str) -> ExternalAccountKey:
        """Revoke a key: it binds no new account, and those that it bound stay. Raises NotFound."""
        with self._context.unit_of_work(actor) as uow:
            row = self._lock(uow.session, application_id, profile, name)
            if row.revoked_at is None:
                row.revoked_at = uow.now
                uow.session.add(row)
                uow.record(ExternalAccountKeyRevoked(row.id, application_id, name=name))
            return row

    def secret(self, scope: AcmeScope, key_id: str) -> bytes:
        """The MAC key, to verify a binding with.

        Raises:
            AcmeProblem: there is no such key at this server, or it is revoked.
        """
        with self._context.db.read() as session:
            row = session.get(ExternalAccountKey, key_id)
        here = row is not None and (row.scope, row.profile_id) == (scope.key, scope.profile.id)
        if row is None or not here or row.revoked_at is not None:
            raise AcmeProblem(
                "unauthorized", "The key identifier of the external account binding is unknown.", status=403
            )
        return self._context.keyring.open(row.secret_sealed, of_row(EXTERNAL_ACCOUNT_PURPOSE, row.id))

    def _secret(self, ident: str) -> tuple[str, str]:
        secret = secrets.token_bytes(SECRET_BYTES)
        sealed = self._context.keyring.seal(secret, of_row(EXTERNAL_ACCOUNT_PURPOSE, ident))
        return sealed, base64url.encode(secret)

    def _lock(
        self, session: Session, application_id: str | None, profile: str, name: str
    ) -> ExternalAccountKey:
        found = _profile(session, application_id, profile)
        query = _of(application_id, found.id).where(ExternalAccountKey.name == name)
        if (row := session.exec(locked(query)).first()) is None:
            raise NotFound("key for external account bindings", name)
        return row


def _of(application_id: str | None, profile_id: str) -> SelectOfScalar[ExternalAccountKey]:
    return select(ExternalAccountKey).where(
        ExternalAccountKey.scope == (application_id or ""), ExternalAccountKey.profile_id == profile_id
    )


def _profile(session: Session, application_id: str | None, profile: str) -> CertificateProfile:
    found = find_profile(session, profile)
    if not enrollments(session, application_id, found.id):
        raise NotFound("certificate profile attached to this Application", profile)
    return found
