"""Rate limits per minute: evenly spaced slots (a generic cell rate algorithm); a row stores its next free slot."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
TOLERANCE = timedelta(seconds=20)
"""A slot may be used so long after its time, or so long before it by a caller that does not wait."""


@dataclass(frozen=True)
class RateSlot:
    """The caller has to wait for a slot; this is no failure."""

    at: datetime


@dataclass(frozen=True)
class RateLimit:
    """At most `per_minute` calls in any 60 seconds.

    The rows with the times are locked by the caller (``FOR NO KEY UPDATE``).

    Attributes:
        used_within: how long after a slot was acquired the limited call may still happen.
    """

    per_minute: int
    used_within: timedelta = timedelta(0)

    @property
    def interval(self) -> timedelta:
        """Between two slots."""
        # A minute is stretched by both delays: even if one call is as late as allowed and the next one as early, no
        # 60 seconds hold more than `per_minute` of them.
        return (MINUTE + TOLERANCE + self.used_within) / self.per_minute

    def next_slot(self, stored: datetime | None, now: datetime) -> datetime:
        """The next free slot; none is lost by looking.

        Args:
            stored: the time after the last acquired slot; ``None`` before the first one.
        """
        return max(stored or now, now)

    def after(self, slot: datetime) -> datetime:
        """The time to store once `slot` is acquired."""
        return slot + self.interval

    def is_early_enough(self, slot: datetime, now: datetime) -> bool:
        """Whether a caller that does not wait may use the slot now."""
        return slot - now <= TOLERANCE


def is_missed(slot: datetime, now: datetime) -> bool:
    """Whether a slot is too long past to be used; its owner acquires another one."""
    return now - slot > TOLERANCE
