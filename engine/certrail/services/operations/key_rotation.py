"""Everything that is stored under the keyring, and how it is brought under a new key."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlmodel import SQLModel, col, select

from certrail.crypto.keyring import KeyringError
from certrail.crypto.purposes import (
    AUDIT_HEAD_PURPOSE,
    AUDIT_LINK_PURPOSE,
    CA_KEY_PURPOSE,
    CERTIFICATE_KEY_PURPOSE,
    CHANNEL_PURPOSE,
    CONNECTION_PURPOSE,
    EXTERNAL_ACCOUNT_PURPOSE,
    OCSP_KEY_PURPOSE,
    SCEP_RA_KEY_PURPOSE,
    SYNC_PURPOSE,
    of_row,
)
from certrail.domain.events.operations import KeyringReencrypted
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AuditChainHead,
    CaKey,
    Certificate,
    Channel,
    Connection,
    CrlMirror,
    ExternalAccountKey,
    OcspSigner,
    PreviousTarget,
    RemoteOrder,
    ScepRa,
    Sync,
)
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext

SEALED: Sequence[tuple[type[SQLModel], str, str]] = (
    (CaKey, "key_sealed", CA_KEY_PURPOSE),
    (Certificate, "key_sealed", CERTIFICATE_KEY_PURPOSE),
    (RemoteOrder, "key_sealed", CERTIFICATE_KEY_PURPOSE),
    (Connection, "config_sealed", CONNECTION_PURPOSE),
    (Sync, "config_sealed", SYNC_PURPOSE),
    (PreviousTarget, "config_sealed", SYNC_PURPOSE),
    (CrlMirror, "config_sealed", SYNC_PURPOSE),
    (Channel, "config_sealed", CHANNEL_PURPOSE),
    (OcspSigner, "key_sealed", OCSP_KEY_PURPOSE),
    (ScepRa, "key_sealed", SCEP_RA_KEY_PURPOSE),
    (ExternalAccountKey, "secret_sealed", EXTERNAL_ACCOUNT_PURPOSE),
    (AuditChainHead, "seal", AUDIT_HEAD_PURPOSE),
    (AuditChainHead, "link_key_sealed", AUDIT_LINK_PURPOSE),
)
"""Table, column and purpose of every envelope."""
OF_THE_LOG = frozenset({AUDIT_HEAD_PURPOSE, AUDIT_LINK_PURPOSE})
"""Those of the one row that there is."""
BATCH = 100


def purpose_of(row: Any, purpose: str) -> str:
    """The purpose of the envelope in a row."""
    if purpose in OF_THE_LOG:
        return purpose
    return of_row(purpose, row.sync_id if isinstance(row, PreviousTarget) else row.id)


class KeyRotation:
    """Envelopes follow the keyring."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def reencrypt(self, progress: Callable[[int], None] = lambda _count: None) -> int:
        """Bring every envelope under the active key, in small steps; returns how many were sealed anew.

        It may be interrupted and run again. `progress` is called with the number sealed so far.

        Raises:
            KeyringError: an envelope cannot be opened; it and what follows it stay as they are.
        """
        count = 0
        for table, column, purpose in SEALED:
            last: Any = None
            while (step := self._step(table, column, purpose, last)) is not None:
                last, sealed = step
                count += sealed
                progress(count)
        if count:
            with self._context.unit_of_work(SYSTEM) as uow:
                uow.record(KeyringReencrypted("keyring", count=count))
        return count

    def require_opens(self) -> int:
        """Open every envelope and keep nothing of what is inside; returns how many there are.

        Raises:
            KeyringError: one cannot be opened; the message names its table and row.
        """
        count = 0
        for table, column, purpose in SEALED:
            last: Any = None
            while rows := self._batch(table, column, last):
                for row in rows:
                    if envelope := getattr(row, column):
                        self._open(row, column, purpose, envelope)
                        count += 1
                last = rows[-1].id
        return count

    def _open(self, row: Any, column: str, purpose: str, envelope: str) -> None:
        try:
            self._context.keyring.open(envelope, purpose_of(row, purpose))
        except KeyringError as problem:
            raise KeyringError(f"{column} of {row.__tablename__} {row.id}: {problem}") from None

    def _batch(self, table: type[SQLModel], column: str, last: Any) -> Sequence[Any]:
        ident = table.id  # type: ignore[attr-defined]
        with self._context.db.read() as session:
            query = select(table).where(col(getattr(table, column)).is_not(None)).order_by(ident).limit(BATCH)
            return session.exec(query if last is None else query.where(ident > last)).all()

    def _step(self, table: type[SQLModel], column: str, purpose: str, last: Any) -> tuple[Any, int] | None:
        """Seal one batch of rows behind `last`; returns its last id and how many were old, ``None`` at the end."""
        keyring, ident, sealed = self._context.keyring, table.id, 0  # type: ignore[attr-defined]
        with self._context.db.write() as session:
            query = select(table).where(col(getattr(table, column)).is_not(None)).order_by(ident).limit(BATCH)
            rows = session.exec(locked(query if last is None else query.where(ident > last))).all()
            for row in rows:
                envelope = getattr(row, column)
                if envelope and keyring.needs_rotation(envelope):
                    own = purpose_of(row, purpose)
                    setattr(row, column, keyring.seal(keyring.open(envelope, own), own))
                    session.add(row)
                    sealed += 1
        return (rows[-1].id, sealed) if rows else None  # type: ignore[attr-defined]
