"""The head of the audit chain under the keyring: its seal, and the key of the keyed links.

Only the keyring can make either. The seal covers number, hash and link of the last event, so that an append notices a
head that was exchanged before it extends the chain.
"""

import secrets
from functools import lru_cache
from typing import Any

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.purposes import AUDIT_HEAD_PURPOSE, AUDIT_LINK_PURPOSE
from certrail.domain.audit_chain import GENESIS, AuditLogTampered
from certrail.persistence.tables import AuditChainHead

LINK_KEY_BYTES = 32


def empty_head(keyring: Keyring) -> dict[str, Any]:
    """The head of an empty audit log, sealed, with a new key for links: column by column, for the migration."""
    return {
        "id": 1,
        "seq": 0,
        "hash": GENESIS,
        "mac": GENESIS,
        "seal": keyring.seal(_sealed_text(0, GENESIS, GENESIS), AUDIT_HEAD_PURPOSE),
        "link_key_sealed": keyring.seal(secrets.token_bytes(LINK_KEY_BYTES), AUDIT_LINK_PURPOSE),
    }


def seal(keyring: Keyring, head: AuditChainHead) -> None:
    """Seal a head that was extended."""
    head.seal = keyring.seal(_sealed_text(head.seq, head.hash, head.mac), AUDIT_HEAD_PURPOSE)


def require_genuine(keyring: Keyring, head: AuditChainHead) -> None:
    """Raise AuditLogTampered unless the keyring sealed exactly this head.

    Without this a chain that was computed anew would be sealed by the next honest event.
    """
    if faults := seal_faults(keyring, head.seq, head.hash, head.mac, head.seal):
        raise AuditLogTampered(f"{faults[0]}. Run: certrail audit verify")


def link_key(keyring: Keyring, head: AuditChainHead) -> bytes:
    """The key of the keyed links. Raises KeyringError."""
    return _opened(keyring, head.link_key_sealed)


def seal_faults(keyring: Keyring, seq: int, hash_: str, mac: str, envelope: str) -> list[str]:
    """Whether the head was written by somebody who holds the keyring."""
    if not envelope:
        return ["the head has no seal: it was not written by certrail"]
    try:
        genuine = keyring.open(envelope, AUDIT_HEAD_PURPOSE) == _sealed_text(seq, hash_, mac)
    except KeyringError as problem:
        return [f"the seal of the head cannot be opened: {problem}"]
    return [] if genuine else ["the head was rewritten: its seal is that of another one"]


@lru_cache(maxsize=8)
def _opened(keyring: Keyring, envelope: str) -> bytes:
    """Opened once a process and envelope: it is needed while every other writer waits for the head."""
    return keyring.open(envelope, AUDIT_LINK_PURPOSE)


def _sealed_text(seq: int, hash_: str, mac: str) -> bytes:
    return f"{seq} {hash_} {mac}".encode()
