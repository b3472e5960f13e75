"""Events of connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from certrail.domain.events.base import Event
from certrail_sdk import Severity, Stage


class ConnectionEvent(Event, subject="connection", shared=True):
    """About one connection: credentials for an outside system."""


@dataclass(frozen=True, kw_only=True)
class ConnectionCreated(ConnectionEvent, type="connection.created", title="Connection created: {name}"):
    """A connection was created; `type` is its plugin type."""

    slug: str
    type: str


@dataclass(frozen=True, kw_only=True)
class ConnectionUpdated(ConnectionEvent, type="connection.updated", title="Connection changed: {name}"):
    """A connection was changed; `fields` names the credentials that are others now."""

    slug: str
    fields: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ConnectionDeleted(ConnectionEvent, type="connection.deleted", title="Connection deleted: {name}"):
    """A connection that nothing uses was deleted."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class ConnectionExpiring(
    ConnectionEvent,
    type="connection.expiring",
    title="Credentials end soon: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A connection's credentials have passed a warning threshold; `remaining` in words."""

    slug: str
    type: str
    action: str
    not_after: datetime
    remaining: str


@dataclass(frozen=True, kw_only=True)
class ConnectionExpiryExtended(
    ConnectionEvent,
    type="connection.expiry_extended",
    title="Credentials are good for longer: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A connection's credentials end later than was known, or have no known end."""

    slug: str
