"""Rate limits per minute: evenly spaced slots, whose next free one is kept in the row that has the limit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

MINUTE, TAKEN_WITHIN = timedelta(minutes=1), timedelta(seconds=20)
"""A slot may be used this long after its time; slots are spaced so that no minute holds too many even then."""


class RateLimited(Protocol):
    """A row with a rate limit."""

    next_slot_at: datetime | None


@dataclass(frozen=True)
class RateSlot:
    """The caller has to wait for a slot; this is no failure."""

    at: datetime


def next_slot(row: RateLimited, now: datetime) -> datetime:
    """The time of the next free slot, which is not taken yet."""
    return max(now, row.next_slot_at or now)


def acquire(
    row: RateLimited, per_minute: int, now: datetime, *, used_within: timedelta = timedelta(0)
) -> datetime:
    """Take the next free slot and return its time. The caller holds the row's lock (``FOR UPDATE``).

    Args:
        used_within: how long after the slot was taken the limited call may still happen.
    """
    slot = next_slot(row, now)
    # A minute is stretched by both delays: even if one call is as late as allowed and the next one is punctual,
    # no 60 seconds hold more than `per_minute` of them.
    row.next_slot_at = slot + (MINUTE + TAKEN_WITHIN + used_within) / per_minute
    return slot


def is_missed(slot: datetime, now: datetime) -> bool:
    """Whether a slot is too long past to be used; its owner acquires another one."""
    return now - slot > TAKEN_WITHIN
