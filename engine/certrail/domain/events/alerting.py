"""Events of alerts, channels, notifications and incidents."""

from collections.abc import Sequence
from dataclasses import dataclass

from certrail.domain.events.base import Event, Facts
from certrail_sdk import Severity, Stage


@dataclass(frozen=True, kw_only=True)
class AlertCreated(Event, type="alert.created", title="Alert created: {name}", subject="alert"):
    """An alert was created."""

    slug: str
    events: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class AlertUpdated(Event, type="alert.updated", title="Alert changed: {name}", subject="alert"):
    """An alert was changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class AlertDeleted(Event, type="alert.deleted", title="Alert deleted: {name}", subject="alert"):
    """An alert was deleted."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class ChannelCreated(Event, type="channel.created", title="Channel created: {name}", subject="channel"):
    """A channel was created."""

    slug: str
    notifier: str


@dataclass(frozen=True, kw_only=True)
class ChannelUpdated(Event, type="channel.updated", title="Channel changed: {name}", subject="channel"):
    """A channel was changed; of sealed values the names only."""

    before: Facts
    after: Facts
    secret_fields: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ChannelDeleted(Event, type="channel.deleted", title="Channel deleted: {name}", subject="channel"):
    """A channel was deleted, and `withdrawn` messages with it."""

    slug: str
    withdrawn: int


@dataclass(frozen=True, kw_only=True)
class ChannelFailed(
    Event,
    type="channel.failed",
    title="A channel cannot be reached: {name}",
    subject="channel",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A message or a question could not be sent: the first failed try, and the final one.

    Attributes:
        of_a_failure: it was the message about a failing channel; such a failure is told to nobody.
    """

    slug: str
    message: str
    action: str
    kind: str | None = None
    permanent: bool | None = None
    notification_id: str | None = None
    approval_id: str | None = None
    of_a_failure: bool = False


@dataclass(frozen=True, kw_only=True)
class ChannelRecovered(
    Event,
    type="channel.recovered",
    title="A channel works again: {name}",
    subject="channel",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A channel that failed has sent a message."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class NotificationSent(
    Event, type="notification.sent", title="Notification sent: {name}", subject="notification"
):
    """The outside system took a message; `refused_recipients` are addresses that it did not."""

    channel_id: str
    refused_recipients: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class NotificationReplayed(
    Event, type="notification.replayed", title="Notification sent again: {name}", subject="notification"
):
    """A copy of the message `replayed` is sent, by hand."""

    replayed: str
    channel_id: str


@dataclass(frozen=True, kw_only=True)
class IncidentAcknowledged(
    Event,
    type="incident.acknowledged",
    title="Incident acknowledged: {name}",
    subject="incident",
    stage=Stage.ACKNOWLEDGED,
    alertable=True,
):
    """A person takes care of an incident, so it escalates no further."""

    key: str
    common_name: str
    comment: str | None

    def incident_key(self) -> str:
        """The incident itself."""
        return self.key


@dataclass(frozen=True, kw_only=True)
class IncidentEscalated(
    Event, type="incident.escalated", title="Incident escalated: {name}", subject="incident"
):
    """Nobody acknowledged an incident in time."""

    key: str
    level: int
