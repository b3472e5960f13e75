"""Load that is bounded in count and time, and a look at the database that finds out when each request is done."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.harness.figures import percentile

MOST_REQUESTS = 300
"""Of one round in the default size."""
MOST_SECONDS = 60.0
"""After which a round begins nothing any more; what has begun is waited for as long again."""
PATIENCE_SECONDS = 120.0

Job = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """What one round did: its length, and how long each job took, in seconds."""

    seconds: float
    each: Sequence[float]

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return len(self.each) / self.seconds

    def milliseconds(self, share: float) -> float:
        """A percentile of the jobs."""
        return 1000 * percentile(self.each, share)


async def closed_loop(job: Job, count: int, at_once: int, most_seconds: float = MOST_SECONDS) -> Load:
    """Do jobs, so many at once: the next one begins when one has ended, and none after the time is up.

    Args:
        job: given its number, from 0.
    """
    assert count <= MOST_REQUESTS, f"a round has at most {MOST_REQUESTS} requests"
    numbers, each, began = iter(range(count)), list[float](), time.perf_counter()

    async def one_after_the_other() -> None:
        for number in numbers:
            begin = time.perf_counter()
            if begin - began > most_seconds:
                return
            await job(number)
            each.append(time.perf_counter() - begin)

    async with asyncio.timeout(most_seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return Load(time.perf_counter() - began, each)


class Watch:
    """Finds out when rows are done: one statement for all that wait, again and again.

    A call of the API for each would be load of its own, and a long poll looks five times a second only.

    Args:
        url: of the installation's database.
        statement: selects ids of rows that are done; ``{idents}`` stands for the list of those that wait.
        every: seconds between two looks, the error of each measurement.
    """

    def __init__(self, url: str, statement: str, every: float) -> None:
        self._statement, self._every = statement, every
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._connection: Any
        if url.startswith("sqlite:///"):
            file = url.removeprefix("sqlite:///")
            self._connection = sqlite3.connect(
                file, isolation_level=None, check_same_thread=False, timeout=30
            )
            self._mark = "?"
        else:
            self._connection, self._mark = psycopg.connect(url, autocommit=True), "%s"

    async def until_done(self, ident: str) -> None:
        """Return when the row is done."""
        done = self._waiting.setdefault(ident, asyncio.get_running_loop().create_future())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        await done

    async def until_all_are_done(self, idents: Sequence[str]) -> None:
        """Return when each of the rows is done; raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS + len(idents) / 2):
            await asyncio.gather(*map(self.until_done, idents))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def done(self, idents: Sequence[str]) -> set[str]:
        """Those of the rows that are done now."""
        marks = ", ".join(self._mark for _ in idents)
        cursor = self._connection.execute(self._statement.format(idents=marks), tuple(idents))
        return {row[0] for row in cursor.fetchall()}

    async def _look(self) -> None:
        while self._waiting:
            for ident in await asyncio.to_thread(self.done, list(self._waiting)):
                future = self._waiting.pop(ident)
                if not future.done():
                    future.set_result(None)
            await asyncio.sleep(self._every)
