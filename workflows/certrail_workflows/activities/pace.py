"""How fast a batch calls one destination: slower after each refusal for rate, and slowly faster again after answers."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FIRST_GAP, LONGEST_GAP = 0.05, 1.0
"""Seconds between two calls, where one at a time is still too many."""
HOPELESS = 8
"""Refusals in a row after which no more is tried for now."""


class Pace:
    """Additive increase, multiplicative decrease (RFC 5681 section 3.1), of calls that are under way together.

    A destination that refuses takes its share of the process from no other: all call from the same threads.
    """

    def __init__(self, most: int) -> None:
        self._most, self._width, self._gap = most, float(most), 0.0
        self._open, self._next, self._in_a_row = 0, 0.0, 0
        self._waiting = deque[asyncio.Future[None]]()

    @property
    def width(self) -> int:
        """How many may be under way together now."""
        return int(self._width)

    @property
    def is_hopeless(self) -> bool:
        """Whether nothing was carried out for so long that the rest is better left for later."""
        return self._in_a_row >= HOPELESS

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one more may be made, and make it."""
        while self._open >= self.width:
            await self._woken()
        self._open += 1
        try:
            await self._apart()
            yield
        finally:
            self._open -= 1
            self._wake()

    def refused(self) -> None:
        """A call was refused for its rate."""
        self._in_a_row += 1
        if self._width == 1.0:
            self._gap = min(LONGEST_GAP, max(FIRST_GAP, 2 * self._gap))
        self.narrow()

    def narrow(self) -> None:
        """A call was carried out, and what belongs to it was refused."""
        self._width = max(1.0, self._width / 2)

    def answered(self) -> None:
        """A call was carried out."""
        self._in_a_row = 0
        self._gap = self._gap / 2 if self._gap > FIRST_GAP else 0.0
        self._width = min(float(self._most), self._width + 1 / self._width)
        self._wake()

    async def _woken(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            waiter.cancel()
            self._wake()  # another one takes the place, if it was given to this one
            raise

    def _wake(self) -> None:
        free = self.width - self._open
        while free > 0 and self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1

    async def _apart(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)
