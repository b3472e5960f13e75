"""How often an authority may be asked: a generic cell rate algorithm, and a queue that spreads those who wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
TOLERANCE = timedelta(seconds=20)
"""A permit is given so long before its theoretical arrival time at most: the burst after a pause."""
USED_WITHIN = timedelta(seconds=10)
"""A permit expires so long after it was taken: what is signed later needs another."""


@dataclass(frozen=True)
class Pace:
    """At most `per_minute` in any minute.

    Permits are spaced so that a minute with the longest burst before it and the latest use after it holds no more.
    """

    per_minute: int

    @property
    def interval(self) -> timedelta:
        """Between two permits, on average."""
        return (MINUTE + TOLERANCE + USED_WITHIN) / self.per_minute

    def permit(self, arrival: datetime | None, now: datetime) -> datetime | None:
        """The next theoretical arrival time when a permit is given now, `None` when it is refused.

        Args:
            arrival: the theoretical arrival time that the last permit left; empty before the first one.
        """
        arrival = max(arrival or now, now)
        return arrival + self.interval if arrival - now <= TOLERANCE else None

    def place(self, end: datetime | None, now: datetime) -> datetime:
        """The next free place in a queue that ends then."""
        return max(end or now, now)
