"""Who is acting."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key, and the SHA-256 of the call it stands for."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The principal behind a call, or certrail itself.

    Attributes:
        principal_id: ``None`` for certrail itself.
        kind: ``user``, ``machine`` or ``system``.
        scopes: what the token was limited to; empty means all its owner may do.
        request_id: of the HTTP call, for the record.
        until: when the token that the call came with ends; ``None`` for one that does not, and for no token.
        once: the call's idempotency key, if it came with one.
    """

    principal_id: str | None
    kind: str
    name: str
    product_role: str | None = None
    scopes: frozenset[str] = frozenset()
    request_id: str | None = None
    until: datetime | None = None
    idempotency_key: IdempotencyKey | None = None


SYSTEM = Actor(principal_id=None, kind="system", name="certrail")
