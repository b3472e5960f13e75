"""Passphrases of EST and challenges of SCEP: created, shown once, verified, revoked."""

import hashlib
import hmac
import os
import secrets
import string
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.crypto.secret_hash import hash_secret, verify_secret
from certrail.domain.enrollment import EnrollmentMethod, ScepSettings
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.enrollment import (
    EnrollmentChallengeUsed,
    EnrollmentSecretCreated,
    EnrollmentSecretRevoked,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import Enrollment, EnrollmentSecret
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.scopes import Enrolled, find_enrolled

LENGTH = 32
"""Characters of a secret that is made here: 190 bits. Letters and digits fit every string type of ASN.1."""
SHORTEST, LONGEST = 16, 128
MOST_LASTING = 5
"""Passphrases, or challenges that are no one-time ones, of one enrollment: each may have to be tried."""
MOST_REMEMBERED = 1000
_ALPHABET = string.ascii_letters + string.digits


class SecretKind(StrEnum):
    """What a secret is for."""

    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a kind
    CHALLENGE = "challenge"
    ONE_TIME_CHALLENGE = "one_time_challenge"

    @property
    def method(self) -> EnrollmentMethod:
        """By which it is used."""
        return EnrollmentMethod.EST if self is SecretKind.PASSPHRASE else EnrollmentMethod.SCEP


class EnrollmentSecrets:
    """Secrets of all enrollments; only their hashes are stored."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._verified = VerifiedSecrets()

    def create(
        self,
        actor: Actor,
        application_id: str | None,
        profile: str,
        kind: SecretKind,
        *,
        name: str,
        value: str | None = None,
        lifetime: timedelta | None = None,
    ) -> tuple[EnrollmentSecret, str]:
        """Create a secret; its text is returned here and nowhere else.

        Args:
            application_id: ``None`` for the legacy scope.
            value: a text of one's own, for clients that have one already; never of a one-time challenge.
            lifetime: left out, it does not expire, and a one-time challenge as its enrollment is set.

        Raises:
            NotFound: the profile is not enrolled by the method there.
            BadInput: the text is too short or too long.
            Conflict: there are as many as there may be.
        """
        text = _checked(kind, value) or "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
        one_time = kind is SecretKind.ONE_TIME_CHALLENGE
        hashed = _fast_hash(text) if one_time else hash_secret(text)
        with self._context.unit_of_work(actor) as uow:
            enrolled = find_enrolled(uow.session, kind.method, application_id, profile, enabled_only=False)
            settings = ScepSettings() if not one_time else _scep(enrolled)
            # The enrollment's row is locked while its secrets are counted, or two calls could pass the limit.
            uow.session.exec(locked(select(Enrollment).where(Enrollment.id == enrolled.enrollment.id))).one()
            _require_room(
                uow, enrolled, kind, settings.most_one_time_challenges if one_time else MOST_LASTING
            )
            if one_time and lifetime is None:
                lifetime = settings.one_time_challenge_lifetime
            row = EnrollmentSecret(
                id=uow.new_id(),
                created_at=uow.now,
                enrollment_id=enrolled.enrollment.id,
                kind=kind,
                name=name,
                hash=hashed,
                created_by=actor.principal_id,
                expires_at=uow.now + lifetime if lifetime else None,
            )
            uow.session.add(row)
            uow.record(
                EnrollmentSecretCreated(
                    row.id,
                    application_id,
                    method=kind.method,
                    kind=kind,
                    name=name,
                    profile=enrolled.profile.slug,
                    expires_at=row.expires_at,
                )
            )
            return row, text

    def get(self, secret_id: str) -> EnrollmentSecret:
        """One secret, without its text. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(EnrollmentSecret, secret_id)) is None:
                raise NotFound("enrollment secret", secret_id)
            return row

    def list(
        self, application_id: str | None, profile: str, method: EnrollmentMethod
    ) -> Sequence[EnrollmentSecret]:
        """Those that are valid, newest first. Raises NotFound."""
        with self._context.db.read() as session:
            enrolled = find_enrolled(session, method, application_id, profile, enabled_only=False)
            query = _valid(enrolled, self._context.clock()).order_by(
                col(EnrollmentSecret.created_at).desc(), col(EnrollmentSecret.id)
            )
            return session.exec(query).all()

    def revoke(
        self, actor: Actor, application_id: str | None, profile: str, method: EnrollmentMethod, secret_id: str
    ) -> None:
        """Refuse a secret from now on. What was issued by it stays.

        Raises:
            NotFound: there is none with this id in this enrollment, or it is revoked.
        """
        with self._context.unit_of_work(actor) as uow:
            enrolled = find_enrolled(uow.session, method, application_id, profile, enabled_only=False)
            query = select(EnrollmentSecret).where(
                EnrollmentSecret.id == secret_id,
                EnrollmentSecret.enrollment_id == enrolled.enrollment.id,
                col(EnrollmentSecret.revoked_at).is_(None),
            )
            if (row := uow.session.exec(locked(query)).first()) is None:
                raise NotFound("enrollment secret", secret_id)
            row.revoked_at = uow.now
            uow.session.add(row)
            uow.record(
                EnrollmentSecretRevoked(
                    row.id,
                    application_id,
                    method=method,
                    kind=row.kind,
                    name=row.name,
                    profile=enrolled.profile.slug,
                )
            )

    def verified(
        self, session: Session, enrolled: Enrolled, kind: SecretKind, text: str
    ) -> EnrollmentSecret | None:
        """The passphrase or challenge with this text that is valid now; ``None`` for a wrong one.

        Raises:
            Busy: other secrets are being verified.
        """
        if not 1 <= len(text) <= LONGEST:
            return None
        query = _valid(enrolled, self._context.clock()).where(EnrollmentSecret.kind == kind)
        rows = session.exec(query.order_by(col(EnrollmentSecret.created_at).desc()).limit(MOST_LASTING)).all()
        return next((row for row in rows if self._verified.matches(row, text)), None)

    def find_one_time(self, session: Session, enrolled: Enrolled, text: str) -> EnrollmentSecret | None:
        """The one-time challenge with this text that was not used yet; `use_one_time` decides."""
        query = _valid(enrolled, self._context.clock()).where(
            EnrollmentSecret.kind == SecretKind.ONE_TIME_CHALLENGE, EnrollmentSecret.hash == _fast_hash(text)
        )
        return session.exec(query).first()


def use_one_time(uow: UnitOfWork, secret_id: str, application_id: str | None, request_id: str) -> bool:
    """Use a one-time challenge for a request, in the transaction that accepts it; whether it was still unused.

    Its row is locked: of two clients with one challenge, the second finds it used once the first has committed.
    """
    row = uow.session.exec(locked(select(EnrollmentSecret).where(EnrollmentSecret.id == secret_id))).first()
    if row is None or row.used_at or row.revoked_at or (row.expires_at and row.expires_at <= uow.now):
        return False
    row.used_at = uow.now
    uow.session.add(row)
    uow.record(EnrollmentChallengeUsed(row.id, application_id, name=row.name, request_id=request_id))
    return True


class VerifiedSecrets:
    """Texts that were verified in this process, under a key of this process: the slow hash is computed once."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def matches(self, row: EnrollmentSecret, text: str) -> bool:
        """Whether it is the text of a row, which is valid. Raises Busy."""
        mark = hmac.digest(self._key, f"{row.id} {row.hash} {text}".encode(), "sha256")
        with self._lock:
            if mark in self._known:
                self._known.move_to_end(mark)
                return True
        if not verify_secret(text, row.hash):
            return False
        with self._lock:
            self._known[mark] = None
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return True


def _checked(kind: SecretKind, value: str | None) -> str | None:
    if value is None:
        return None
    if kind is SecretKind.ONE_TIME_CHALLENGE:
        raise BadInput("A one-time challenge is made here; leave its text out.", "value")
    if not SHORTEST <= len(value) <= LONGEST or not value.isascii() or not value.isprintable():
        raise BadInput(f"A {kind} has {SHORTEST} to {LONGEST} printable ASCII characters.", "value")
    return value


def _require_room(uow: UnitOfWork, enrolled: Enrolled, kind: SecretKind, most: int) -> None:
    valid = _valid(enrolled, uow.now).where(EnrollmentSecret.kind == kind).subquery()
    if uow.session.exec(select(func.count()).select_from(valid)).one() >= most:
        raise Conflict(
            f"There are {most} valid secrets of the kind {kind} already; revoke one first.", kind="too-many"
        )


def _valid(enrolled: Enrolled, now: datetime) -> SelectOfScalar[EnrollmentSecret]:
    return select(EnrollmentSecret).where(
        EnrollmentSecret.enrollment_id == enrolled.enrollment.id,
        col(EnrollmentSecret.revoked_at).is_(None),
        col(EnrollmentSecret.used_at).is_(None),
        or_(col(EnrollmentSecret.expires_at).is_(None), col(EnrollmentSecret.expires_at) > now),
    )


def _scep(enrolled: Enrolled) -> ScepSettings:
    return ScepSettings.model_validate(enrolled.enrollment.settings)


def _fast_hash(text: str) -> str:
    """Of a text that is random: nobody finds it by trying."""
    return hashlib.sha256(text.encode()).hexdigest()
