"""Who is acting."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key, and the SHA-256 of the call it stands for."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Confinement:
    """All that the agent of one host may request.

    Attributes:
        application_id: ``None`` for the legacy scope.
        names: DNS names, addresses and common names, in lower case.
    """

    application_id: str | None
    profile_id: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Actor:
    """The principal behind a call, or certrail itself.

    Attributes:
        principal_id: ``None`` for certrail itself.
        kind: ``user``, ``machine``, ``agent``, ``enrollment`` or ``system``.
        scopes: what the token was limited to; empty means all its owner may do.
        request_id: of the HTTP call, for the record.
        until: when the token or session that the call came with ends; ``None`` for one that does not, and for neither.
        idempotency_key: the call's, if it came with one.
        credential: id of the token or browser session that the call came with.
        confinement: of an agent; anybody else is confined by roles and scopes alone.
        may_vote: whether it was made by its owner; one that somebody else made for them casts no vote.
        auth_time: when the user signed in, as far as the token or session is from a sign-in that says so.
    """

    principal_id: str | None
    kind: str
    name: str
    product_role: str | None = None
    scopes: frozenset[str] = frozenset()
    request_id: str | None = None
    until: datetime | None = None
    idempotency_key: IdempotencyKey | None = None
    credential: str | None = None
    may_vote: bool = True
    confinement: Confinement | None = None
    auth_time: datetime | None = None


SYSTEM = Actor(principal_id=None, kind="system", name="certrail")
