"""Accounts (RFC 8555 section 7.3): a public key, and a principal in the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.acme import AccountStatus, AcmeProblem
from certrail.domain.errors import NotFound
from certrail.domain.events.acme import (
    AcmeAccountCreated,
    AcmeAccountDeactivated,
    AcmeAccountKeyChanged,
    AcmeAccountRevoked,
    AcmeAccountUpdated,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import AcmeAccount, ExternalAccountKey, Principal
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.acme.scope import AcmeScope
from certrail.services.enrollment.clients import client_actor, enrollment_client

MOST_PER_HOUR = 500
"""New accounts of one enrollment: every account is a principal for good."""
HOUR = timedelta(hours=1)
KEPT_THUMBPRINTS = 500
"""Of the keys that an account had before: records in DNS may name them (draft-ietf-acme-dns-persist-02 section 4.2)."""


@dataclass(frozen=True)
class AccountKey:
    """A public key that its holder has just signed with.

    Attributes:
        jwk: public members only.
        thumbprint: SHA-256, base64url (RFC 7638).
    """

    jwk: Mapping[str, Any]
    thumbprint: str


@dataclass(frozen=True)
class Registered:
    """An account, and whether this call created it."""

    account: AcmeAccount
    created: bool


class AcmeAccounts:
    """Accounts belong to one enrollment: the same key at another one is another account."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def register(
        self,
        scope: AcmeScope,
        key: AccountKey,
        *,
        contacts: Sequence[str] = (),
        external_key_id: str | None = None,
        request_id: str | None = None,
    ) -> Registered:
        """The account of a key, created if there is none.

        Args:
            external_key_id: of the binding, whose MAC the caller has verified.

        Raises:
            AcmeProblem: a binding is required, its key is revoked, or there are too many new accounts.
        """
        if (found := self.of_key(scope, key.thumbprint)) is not None:
            return Registered(found, created=False)
        try:
            return Registered(self._create(scope, key, contacts, external_key_id, request_id), created=True)
        except IntegrityError:
            # Two calls with one key at the same time: the unique constraint let one of them create the account.
            if (found := self.of_key(scope, key.thumbprint)) is None:
                raise
            return Registered(found, created=False)

    def of_key(self, scope: AcmeScope, thumbprint: str) -> AcmeAccount | None:
        """The account of a key at this enrollment."""
        with self._context.db.read() as session:
            return session.exec(_of_key(scope, thumbprint)).first()

    def get(self, scope: AcmeScope, account_id: str) -> AcmeAccount:
        """An account that may act.

        Raises:
            AcmeProblem: ``accountDoesNotExist``; ``unauthorized`` for one that is deactivated or revoked.
        """
        with self._context.db.read() as session:
            found = session.get(AcmeAccount, account_id)
        if found is None or (found.scope, found.profile_id) != (scope.key, scope.profile.id):
            raise AcmeProblem("accountDoesNotExist", "There is no such account at this server.")
        if found.status != AccountStatus.VALID:
            raise AcmeProblem("unauthorized", f"The account is {found.status}.", status=403)
        return found

    def update(
        self, account: AcmeAccount, contacts: Sequence[str], request_id: str | None = None
    ) -> AcmeAccount:
        """Replace the contacts."""
        with self._context.unit_of_work(self.actor(account, request_id)) as uow:
            row = lock_account(uow.session, account.id)
            row.contacts = list(contacts)
            uow.session.add(row)
            uow.record(AcmeAccountUpdated(row.id, row.application_id, contacts=row.contacts))
            return row

    def deactivate(self, account: AcmeAccount, request_id: str | None = None) -> AcmeAccount:
        """Deactivate for good (RFC 8555 section 7.3.6); what was issued stays valid."""
        with self._context.unit_of_work(self.actor(account, request_id)) as uow:
            row = lock_account(uow.session, account.id)
            row.status = AccountStatus.DEACTIVATED
            uow.session.add(row)
            uow.record(AcmeAccountDeactivated(row.id, row.application_id))
            return row

    def change_key(
        self, scope: AcmeScope, account: AcmeAccount, key: AccountKey, request_id: str | None = None
    ) -> AcmeAccount:
        """Roll over to a new key, with which the caller has verified the inner signature (RFC 8555 section 7.3.5).

        Raises:
            AcmeProblem: another account has that key (409), whose id is in `location`.
        """
        try:
            with self._context.unit_of_work(self.actor(account, request_id)) as uow:
                row = lock_account(uow.session, account.id)
                before, row.jwk, row.thumbprint = row.thumbprint, dict(key.jwk), key.thumbprint
                row.past_thumbprints = [*row.past_thumbprints, before][-KEPT_THUMBPRINTS:]
                uow.session.add(row)
                uow.session.flush()
                uow.record(
                    AcmeAccountKeyChanged(row.id, row.application_id, before=before, after=row.thumbprint)
                )
                return row
        except IntegrityError:
            other = self.of_key(scope, key.thumbprint)
            where = other.id if other else None
            raise AcmeProblem(
                "malformed", "Another account has this key.", status=409, location=where
            ) from None

    def actor(self, account: AcmeAccount, request_id: str | None = None) -> Actor:
        """The account as the one who acts."""
        with self._context.db.read() as session:
            return client_actor(session.get_one(Principal, account.principal_id), request_id)

    def list(self, application_id: str | None, profile_id: str) -> Sequence[AcmeAccount]:
        """The accounts of one enrollment, oldest first, at most a thousand."""
        with self._context.db.read() as session:
            query = select(AcmeAccount).where(
                AcmeAccount.scope == (application_id or ""), AcmeAccount.profile_id == profile_id
            )
            return session.exec(query.order_by(col(AcmeAccount.created_at)).limit(1000)).all()

    def revoke(
        self, actor: Actor, application_id: str | None, profile_id: str, account_id: str
    ) -> AcmeAccount:
        """Revoke an account, by an administrator. Raises NotFound."""
        with self._context.unit_of_work(actor) as uow:
            row = lock_account(uow.session, account_id)
            if (row.scope, row.profile_id) != (application_id or "", profile_id):
                raise NotFound("ACME account")
            row.status = AccountStatus.REVOKED
            uow.session.add(row)
            uow.record(AcmeAccountRevoked(row.id, row.application_id))
            return row

    def _create(
        self,
        scope: AcmeScope,
        key: AccountKey,
        contacts: Sequence[str],
        external_key_id: str | None,
        request_id: str | None,
    ) -> AcmeAccount:
        if scope.settings.external_account_required and external_key_id is None:
            raise AcmeProblem(
                "externalAccountRequired",
                "A new account needs an external account binding; ask for a key identifier and its MAC key.",
                status=403,
            )
        with self._context.unit_of_work(SYSTEM) as uow:
            _refuse_many(uow, scope)
            external = _bind(uow, scope, external_key_id) if external_key_id else None
            ident = uow.new_id()
            named = (
                f"ACME account {external.name if external else key.thumbprint[:12]} of {scope.profile.slug}"
            )
            principal = enrollment_client(uow, f"acme-{ident}", named)
            row = AcmeAccount(
                id=ident,
                created_at=uow.now,
                scope=scope.key,
                application_id=scope.application_id,
                profile_id=scope.profile.id,
                principal_id=principal.id,
                jwk=dict(key.jwk),
                thumbprint=key.thumbprint,
                contacts=list(contacts),
                external_key_id=external_key_id,
            )
            uow.session.add(row)
            uow.session.flush()
            uow.actor = client_actor(principal, request_id)
            uow.record(
                AcmeAccountCreated(
                    row.id,
                    row.application_id,
                    profile=scope.profile.slug,
                    thumbprint=row.thumbprint,
                    contacts=row.contacts,
                    external_key=external.name if external else None,
                )
            )
            return row


def lock_account(session: Session, account_id: str) -> AcmeAccount:
    """The row, held until the transaction ends. Raises NotFound."""
    row = session.exec(locked(select(AcmeAccount).where(AcmeAccount.id == account_id))).first()
    if row is None:
        raise NotFound("ACME account")
    return row


def _of_key(scope: AcmeScope, thumbprint: str) -> SelectOfScalar[AcmeAccount]:
    return select(AcmeAccount).where(
        AcmeAccount.scope == scope.key,
        AcmeAccount.profile_id == scope.profile.id,
        AcmeAccount.thumbprint == thumbprint,
    )


def _refuse_many(uow: UnitOfWork, scope: AcmeScope) -> None:
    recent = (
        select(func.count())
        .select_from(AcmeAccount)
        .where(
            AcmeAccount.scope == scope.key,
            AcmeAccount.profile_id == scope.profile.id,
            col(AcmeAccount.created_at) > uow.now - HOUR,
        )
    )
    if uow.session.exec(recent).one() >= MOST_PER_HOUR:
        raise AcmeProblem(
            "rateLimited",
            f"This server takes at most {MOST_PER_HOUR} new accounts an hour. Use one account for many orders.",
            status=429,
            retry_after=600,
        )


def _bind(uow: UnitOfWork, scope: AcmeScope, key_id: str) -> ExternalAccountKey:
    """The key of a binding under its lock: a revocation that commits first is seen."""
    query = select(ExternalAccountKey).where(
        ExternalAccountKey.id == key_id,
        ExternalAccountKey.scope == scope.key,
        ExternalAccountKey.profile_id == scope.profile.id,
    )
    found = uow.session.exec(locked(query)).first()
    if found is None or found.revoked_at is not None:
        raise AcmeProblem("unauthorized", "The key of the external account binding is revoked.", status=403)
    found.last_used_at = uow.now
    uow.session.add(found)
    return found
