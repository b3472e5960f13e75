"""Coalescing: outbox rows that may share a workflow are sent one by one while few come, together while many do."""

from collections import deque
from collections.abc import Sequence

from certrail.services.core.unit_of_work import LeasedRow

WINDOW = 0.15
"""Seconds for which a row is held back at the most. Much less than its lease."""
QUIET = 0.04
"""Seconds without another row after which those that are held back are sent: whoever made them waits for them."""
FEW = 4
"""Intervals between rows within a window up to which each is sent as it comes: a workflow of its own is soonest done,
and a caller who waits for one certificate after the other stays below it."""
MOST = 100
"""Rows that are sent at a time."""


class Coalescer:
    """The rows that were handed over to this process's dispatcher; times are seconds of a clock that only goes on."""

    def __init__(self) -> None:
        self._others: deque[int] = deque()
        self._bulk: deque[int] = deque()
        self._arrivals: deque[float] = deque(maxlen=FEW + 1)
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._others) + len(self._bulk)

    def add(self, rows: Sequence[LeasedRow], now: float) -> None:
        """Take rows, to be sent in this order."""
        for row in rows:
            if row.in_bulk:
                self._since = self._since if self._bulk else now
                self._bulk.append(row.seq)
                self._arrivals.append(now)
            else:
                self._others.append(row.seq)

    def take(self, now: float) -> list[int]:
        """The rows to send now, at most `MOST`; those that may share a workflow come all or not at all."""
        taken = _pop(self._others, MOST)
        if self._bulk and self._due_at() <= now and len(taken) < MOST:
            taken += _pop(self._bulk, MOST - len(taken))
            self._since = now  # of what is left
        return taken

    def wait(self, now: float) -> float | None:
        """Seconds until `take` has something; ``None`` while there is nothing."""
        if self._others:
            return 0.0
        return max(0.0, self._due_at() - now) if self._bulk else None

    def clear(self) -> list[int]:
        """All rows, which are not waited for any more."""
        return _pop(self._others, len(self._others)) + _pop(self._bulk, len(self._bulk))

    def _due_at(self) -> float:
        few = len(self._arrivals) <= FEW or self._arrivals[-1] - self._arrivals[0] > WINDOW
        if few or len(self._bulk) >= MOST:
            return float("-inf")
        return min(self._since + WINDOW, self._arrivals[-1] + QUIET)


def _pop(rows: deque[int], most: int) -> list[int]:
    return [rows.popleft() for _ in range(min(most, len(rows)))]
