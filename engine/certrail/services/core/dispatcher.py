"""Carries outbox rows to the orchestrator, at once after a commit and again after every failure."""

import asyncio
import logging
from contextlib import suppress

from certrail.services.core.orchestrator import Orchestrator, OrchestratorUnavailable, OutboxMessage
from certrail.services.core.outbox import Outbox

log = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
BATCH = 100


class Dispatcher:
    """One per process. Several may run at once: claimed rows are skipped by the others."""

    def __init__(self, outbox: Outbox, orchestrator: Orchestrator) -> None:
        self._outbox = outbox
        self._orchestrator = orchestrator
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def nudge(self) -> None:
        """Say that rows were committed; safe from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Send whatever is due, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                await self.drain()
            except OrchestratorUnavailable as err:
                log.warning("workflows cannot be started now, work stays in the outbox: %s", err)
            except Exception:
                log.exception("the outbox could not be read; trying again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)

    async def drain(self) -> int:
        """Send due rows until none is left; returns how many were sent.

        Raises:
            OrchestratorUnavailable: the rest stays in the outbox, due at once.
        """
        sent = 0
        while messages := await asyncio.to_thread(self._outbox.claim, BATCH):
            sent += await self._send(messages)
            if len(messages) < BATCH:
                break
        return sent

    async def _send(self, messages: list[OutboxMessage]) -> int:
        done: list[int] = []
        try:
            for position, message in enumerate(messages):
                try:
                    await self._orchestrator.dispatch(message)
                    done.append(message.seq)
                except OrchestratorUnavailable as err:
                    rest = [m.seq for m in messages[position:]]
                    await asyncio.to_thread(self._outbox.release, rest, str(err))
                    raise
                except Exception as err:
                    log.exception("outbox row %s for %s failed", message.seq, message.workflow_id)
                    await asyncio.to_thread(self._outbox.deferred, message.seq, type(err).__name__)
        finally:
            if done:
                await asyncio.to_thread(self._outbox.dispatched, done)
        return len(done)
