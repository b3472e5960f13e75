"""What passes between flows and activities: ids and public facts only."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Subject:
    """The row that a flow is about, and for plugin work the task queue of the plugin."""

    id: str
    queue: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where a request stands; `wake_at` says when to look again while it waits."""

    status: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class GiveUp:
    """A request that cannot go on, with the reason that is shown."""

    request_id: str
    reason: str


@dataclass(frozen=True)
class DeliveryStatus:
    """Where a delivery stands."""

    desired: str
    delivered: str | None
    status: str

    @property
    def settled(self) -> bool:
        """Nothing newer is wanted than what is delivered."""
        return self.desired == self.delivered
