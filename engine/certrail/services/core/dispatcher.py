"""Sends outbox rows to the orchestrator, at once after a commit and again after every failure."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from certrail.checkpoints import checkpoint
from certrail.services.core.coalescing import MOST, Coalescer
from certrail.services.core.orchestrator import Orchestrator, OrchestratorUnavailable, OutboxMessage
from certrail.services.core.outbox import Outbox
from certrail.services.core.unit_of_work import LeasedRow

log = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
BATCH = 100
AT_A_TIME = 10
"""Starts and signals that are under way together."""
STOPPED = "its process stopped"


@dataclass
class _Round:
    """What became of the messages that are sent together."""

    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    sent: list[int] = field(default_factory=list)
    deferred: list[int] = field(default_factory=list)
    unavailable: OrchestratorUnavailable | None = None


class Dispatcher:
    """One per process. Several may run at once: rows that one has leased are skipped by the others.

    Rows that this process commits are handed over to it with their lease. Those of processes without a dispatcher, and
    those whose lease ended, it claims.
    """

    def __init__(self, outbox: Outbox, orchestrator: Orchestrator) -> None:
        self._outbox = outbox
        self._orchestrator = orchestrator
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._coalescer = Coalescer()
        self._drain_at = 0.0

    def nudge(self) -> None:
        """Say that there are rows to claim; safe from any thread."""
        self._soon(self._drain_now)

    def hand_over(self, rows: Sequence[LeasedRow]) -> None:
        """Take rows that were committed with a lease; safe from any thread."""
        self._soon(self._take, rows)

    async def run(self) -> None:
        """Send whatever is due, until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                # More than one round may be behind: what is committed meanwhile is claimed once it is over.
                self._outbox.hand_over_to(self.hand_over if len(self._coalescer) < MOST else None)
                await self._look(self._loop.time())
                # Not `wait_for`: up to Python 3.11 it loses a cancellation that comes together with what it waits for.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause(self._loop.time())):
                        await self._wake.wait()
        finally:
            self._outbox.hand_over_to(None)
            await self._give_back(STOPPED)

    async def drain(self) -> int:
        """Claim and send due rows until none is left; returns how many were sent.

        Raises:
            OrchestratorUnavailable: the rest stays in the outbox, due at once.
        """
        sent = 0
        while messages := await asyncio.to_thread(self._outbox.claim, BATCH):
            sent += await self._send(messages)
            if len(messages) < BATCH:
                break
        return sent

    async def _look(self, now: float) -> None:
        try:
            if seqs := self._coalescer.take(now):
                await self._send(await asyncio.to_thread(self._outbox.leased, seqs))
            if now >= self._drain_at:
                self._drain_at = now + IDLE_SECONDS
                await self.drain()
        except OrchestratorUnavailable as err:
            log.warning("workflows cannot be started now, work stays in the outbox: %s", err)
            await self._give_back(str(err))
        except Exception:
            log.exception("the outbox could not be read; trying again")

    def _pause(self, now: float) -> float:
        held, drain = self._coalescer.wait(now), max(0.0, self._drain_at - now)
        return drain if held is None else min(held, drain)

    async def _give_back(self, why: str) -> None:
        """Make what was handed over due for everybody, at once rather than when its lease ends."""
        if seqs := self._coalescer.clear():
            with suppress(Exception):  # the lease ends by itself
                await asyncio.to_thread(self._outbox.release, seqs, why)

    async def _send(self, messages: Sequence[OutboxMessage]) -> int:
        """Send each message, or many by one workflow, and mark all that were sent in one transaction."""
        sending = _Round()
        try:
            await asyncio.gather(*(self._send_in_order(unit, sending) for unit in _units(messages)))
        finally:
            if sending.sent:
                await asyncio.to_thread(self._outbox.dispatched, sending.sent)
        if sending.unavailable is not None:
            known = {*sending.sent, *sending.deferred}
            rest = [message.seq for message in messages if message.seq not in known]
            await asyncio.to_thread(self._outbox.release, rest, str(sending.unavailable))
            raise sending.unavailable
        return len(sending.sent)

    async def _send_in_order(self, unit: Sequence[Sequence[OutboxMessage]], sending: _Round) -> None:
        async with sending.gate:
            for messages in unit:
                if sending.unavailable is not None:
                    return
                seqs = [message.seq for message in messages]
                try:
                    await self._dispatch(messages)
                    sending.sent += seqs
                except OrchestratorUnavailable as err:
                    sending.unavailable = err
                except Exception as err:
                    log.exception("outbox rows %s for %s failed", seqs, messages[0].workflow_id)
                    sending.deferred += seqs
                    for seq in seqs:
                        await asyncio.to_thread(self._outbox.deferred, seq, type(err).__name__)

    async def _dispatch(self, messages: Sequence[OutboxMessage]) -> None:
        if len(messages) == 1:
            await self._orchestrator.dispatch(messages[0])
            return
        await self._orchestrator.dispatch_together(messages)
        checkpoint("outbox.batch_started")

    def _drain_now(self) -> None:
        self._drain_at = 0.0
        self._wake.set()

    def _take(self, rows: Sequence[LeasedRow]) -> None:
        assert self._loop is not None
        self._coalescer.add(rows, self._loop.time())
        self._wake.set()

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # closed meanwhile
                self._loop.call_soon_threadsafe(call, *arguments)


def _units(messages: Sequence[OutboxMessage]) -> Sequence[Sequence[Sequence[OutboxMessage]]]:
    """What is sent side by side; within a unit in order, and messages of one list by one workflow.

    Two messages for one workflow keep their order. Messages with the same `batch_key` are sent together, unless one
    is alone: then it has a workflow of its own, with its name and its search attributes.
    """
    by_workflow: defaultdict[str, list[list[OutboxMessage]]] = defaultdict(list)
    batches: defaultdict[str, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        if message.batch_key:
            batches[message.batch_key].append(message)
        else:
            by_workflow[message.workflow_id].append([message])
    return [*by_workflow.values(), *([together] for together in batches.values())]
