"""Long polls: calls that wait for an object to reach its end.

One task of the process asks the database for all of them, with one statement a kind, so that five hundred waiting calls
cost as much as one.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from fastapi.concurrency import run_in_threadpool
from sqlmodel import col, select

from certrail.domain.errors import Busy
from certrail.domain.states import RevocationStatus
from certrail.persistence.database import Database, end_shared_read
from certrail.persistence.tables import CertificateRequest, RevocationRequest
from certrail.services.issuance.state import FINAL
from certrail_server.api.bodies import Receive

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
MOST_OF_ONE = 20
MOST = 1000
Ended = Callable[[Database, Collection[str]], Collection[str]]


def ended_requests(db: Database, idents: Collection[str]) -> Collection[str]:
    """Which certificate requests are final, or are no more."""
    table = CertificateRequest
    with db.read() as session:
        query = select(col(table.id)).where(col(table.id).in_(idents), col(table.status).not_in(FINAL))
        return set(idents).difference(session.exec(query).all())


def ended_revocations(db: Database, idents: Collection[str]) -> Collection[str]:
    """Which revocation requests are final, or are no more."""
    table = RevocationRequest
    final = [status for status in RevocationStatus if status.final]
    with db.read() as session:
        query = select(col(table.id)).where(col(table.id).in_(idents), col(table.status).not_in(final))
        return set(idents).difference(session.exec(query).all())


KINDS: Mapping[str, Ended] = {"request": ended_requests, "revocation": ended_revocations}


class Polls:
    """Of one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._of_one: Counter[str | None] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def wait(
        self, receive: Receive, principal_id: str | None, kind: str, ident: str, seconds: float
    ) -> None:
        """Return when the object is final, after so many seconds, or when the client has gone.

        Args:
            receive: of the call (ASGI), whose body has been read.

        Raises:
            Busy: more calls wait already than the limits allow.
        """
        if self._of_one[principal_id] >= MOST_OF_ONE or self._of_one.total() >= MOST:
            raise Busy(
                f"At most {MOST_OF_ONE} calls of one caller wait at once. Ask without `wait`, or later."
            )
        reached = asyncio.Event()
        self._of_one[principal_id] += 1
        self._waiting.setdefault((kind, ident), set()).add(reached)
        try:
            # Neither the wait nor the task that looks for all keeps a transaction open.
            await run_in_threadpool(end_shared_read)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look())
            await _first(seconds, reached.wait(), _gone(receive))
        finally:
            self._of_one[principal_id] -= 1
            if not self._of_one[principal_id]:
                del self._of_one[principal_id]
            others = self._waiting.get((kind, ident), set())
            others.discard(reached)
            if not others:
                self._waiting.pop((kind, ident), None)

    async def _look(self) -> None:
        """Until nobody waits any more."""
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look_once()
            except Exception as problem:
                log.error("waiting calls could not be looked after: %s", type(problem).__name__)

    async def _look_once(self) -> None:
        for kind, ended in KINDS.items():
            idents = [ident for of_kind, ident in self._waiting if of_kind == kind]
            if not idents:
                continue
            for ident in await run_in_threadpool(ended, self._db, idents):
                for reached in self._waiting.get((kind, ident), ()):
                    reached.set()


async def _first(seconds: float, *waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of these, at most so long."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _gone(receive: Receive) -> None:
    """Until the client has closed its connection (ASGI's ``http.disconnect``): its place is free for another call."""
    while (await receive())["type"] != "http.disconnect":
        pass
