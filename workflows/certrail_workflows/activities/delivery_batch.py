"""Deliveries in bulk as one activity: calls side by side, receipts recorded in groups, each item for itself."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from certrail.services.core.failure import Failure
from certrail_sdk import Observation, RateLimited, Receipt
from certrail_workflows import messages
from certrail_workflows.activities.attempts import AttemptRecorder
from certrail_workflows.activities.calls import Calls, engine_thread
from certrail_workflows.activities.pace import Pace
from certrail_workflows.activities.running import run_with_heartbeat
from certrail_workflows.messages import DeliveryBatchInput

if TYPE_CHECKING:
    from certrail.services.delivery.batch import DeliveryBatch
    from certrail.services.delivery.deploy import DeployCall
    from certrail.services.delivery.observation import ObserveCall
    from certrail.services.integrations.plugin_faults import PluginFaults

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Calls of one batch that are under way together, at the most."""
BEGIN_WITHIN = 30.0
"""Seconds after which nothing more is begun: what waits behind slow calls gets its own workflow."""
COMMIT_DELAY = 0.15
"""Seconds from the first answer to the commit of its group, which later answers join (PostgreSQL: `commit_delay`)."""
READ_AGAIN = 1.0
"""Seconds until a read-back that was refused for its rate is tried again; twice as many each time."""
LOOK_EVERY = 2.0
"""Seconds between two looks whether what is under way is still desired."""


def delivery_batch_activity(
    batch: "DeliveryBatch", clock: Callable[[], datetime], faults: "PluginFaults", calls: Calls
) -> Callable[[DeliveryBatchInput], Any]:
    """The activity, on the queue of one plugin."""

    @activity.defn(name=messages.DELIVER_BATCH)
    async def deliver_batch(task: DeliveryBatchInput) -> None:
        batch_id = activity.info().workflow_id
        assert batch_id is not None  # a workflow has started it
        run = _Run(batch, batch_id, clock, faults, calls)
        await run_with_heartbeat(run.run(task.delivery_ids))

    return deliver_batch


class _Run:
    """One run of a batch. At its end each delivery has a recorded receipt, a recorded failure, or its own workflow."""

    def __init__(
        self,
        batch: "DeliveryBatch",
        batch_id: str,
        clock: Callable[[], datetime],
        faults: "PluginFaults",
        calls: Calls,
    ) -> None:
        self._batch, self._batch_id = batch, batch_id
        self._clock, self._faults, self._calls = clock, faults, calls
        self._pace = Pace(AT_ONCE)
        self._open: dict[asyncio.Task[None], DeployCall] = {}
        self._called: set[str] = set()
        self._finished: set[str] = set()
        self._answers: list[tuple[DeployCall, Receipt]] = []
        self._reading: set[str] = set()
        self._seen: list[tuple[ObserveCall, Observation]] = []
        self._put_off: list[tuple[DeployCall, Failure]] = []
        self._refused_until: datetime | None = None
        self._wake = asyncio.Event()
        self._closed = asyncio.Event()

    async def run(self, delivery_ids: Sequence[str]) -> None:
        """Raises what a step of our own raised: then the workflow of the batch hands over what is left."""
        recorder, watch = asyncio.create_task(self._record()), asyncio.create_task(self._watch())
        try:
            left = await self._call_all(delivery_ids)
        finally:
            watch.cancel()
            for task in self._open:
                task.cancel()
            await asyncio.gather(watch, *self._open, return_exceptions=True)
            # What was deployed has to be on record before this attempt ends, also where it was cancelled.
            self._closed.set()
            self._wake.set()
            await recorder
        if rest := (left - self._finished) | self._reading:
            # Where the destination takes no more now, what it was not asked for waits together, not one by one.
            later = (self._refused_until or self._clock()) if self._pace.width == 1 else None
            await engine_thread(
                lambda: self._batch.hand_over(self._batch_id, rest, called=self._called, later=later)
            )

    async def _call_all(self, delivery_ids: Sequence[str]) -> set[str]:
        """Returns the ids of those that were taken, and of those for which there was no time."""
        stop_at = asyncio.get_running_loop().time() + BEGIN_WITHIN
        taken, left = set[str](), delivery_ids
        while left and asyncio.get_running_loop().time() < stop_at:
            ids = left
            begun = await engine_thread(lambda ids=ids: self._batch.begin(self._batch_id, ids))  # type: ignore[misc]
            left = begun.left
            for call in begun.calls:
                taken.add(call.subject_id)
                task = asyncio.create_task(self._deliver(call, stop_at))
                self._open[task] = call
                task.add_done_callback(self._open.pop)
        while self._open:
            await asyncio.wait(self._open)
        return taken | set(left)

    async def _deliver(self, call: "DeployCall", stop_at: float) -> None:
        recorder, clock = self._recorder(call), asyncio.get_running_loop()
        async with self._pace.turn():
            if clock.time() >= stop_at or self._pace.is_hopeless:
                return
            self._called.add(call.subject_id)
            try:
                answer: Receipt = await recorder.plugin_call(
                    self._calls, messages.DELIVER, call, attempt=call.attempt
                )
            except ApplicationError as failed:
                if failed.type == RateLimited.__name__:
                    self._pace.refused()
                    self._wake.set()
                log.debug("delivery %s failed in a batch: %s", call.subject_id, failed.type)
                return
            self._pace.answered()
            reading, seen, again = self._batch.read_back(call, answer), call, None
            try:
                if reading is not None:
                    seen, again = await self._read_back(recorder, call, reading)
            finally:
                if again is not None:
                    self._reading.add(call.subject_id)
                self._answers.append((seen, answer))
                self._wake.set()
        wait = READ_AGAIN
        while reading is not None and again is not None and clock.time() + again < stop_at:
            # Its place is another's meanwhile, and its receipt is on record.
            await asyncio.sleep(again)
            again = await self._read_later(recorder, call, wait := 2 * wait)

    async def _read_back(
        self, recorder: AttemptRecorder, call: "DeployCall", reading: "ObserveCall"
    ) -> "tuple[DeployCall, float | None]":
        """The call with what was seen, and in how many seconds to read again.

        A fault of the plugin is recorded, any other failure is left to `VERIFY`.
        """
        try:
            seen: Observation = await recorder.contained_call(self._calls, messages.VERIFY, reading)
            return replace(call, seen=seen), None
        except RateLimited as error:
            self._pace.narrow()
            return call, self._pause(error, READ_AGAIN)
        except Exception:
            return call, None

    async def _read_later(self, recorder: AttemptRecorder, call: "DeployCall", wait: float) -> float | None:
        """Read back what is on record as delivered; returns in how many seconds to try again."""
        async with self._pace.turn():
            try:
                reading = await engine_thread(lambda: self._batch.read_again(call.subject_id))
                if reading is None:
                    return wait if call.subject_id not in self._finished else None
                seen: Observation = await recorder.contained_call(self._calls, messages.VERIFY, reading)
            except RateLimited as error:
                self._pace.narrow()
                return self._pause(error, wait)
            except Exception:
                return None
        self._seen.append((reading, seen))
        self._wake.set()
        return None

    @staticmethod
    def _pause(error: RateLimited, otherwise: float) -> float:
        wanted: object = error.retry_after
        return max(otherwise, wanted.total_seconds()) if isinstance(wanted, timedelta) else otherwise

    async def _record(self) -> None:
        """Group commit: receipts that come shortly after one another are recorded by one transaction."""
        while True:
            await self._wake.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(COMMIT_DELAY):
                    await self._closed.wait()
            self._wake.clear()
            while self._answers or self._put_off or self._seen:
                await self._record_group()
            if self._closed.is_set():
                return

    async def _record_group(self) -> None:
        answers, put_off, seen, reading = self._answers, self._put_off, self._seen, frozenset(self._reading)
        self._answers, self._put_off, self._seen = [], [], []
        if answers:
            self._finished |= set(
                await engine_thread(lambda: self._batch.complete(self._batch_id, answers, reading))
            )
        if put_off:
            await engine_thread(lambda: self._batch.put_off(self._batch_id, put_off))
            self._finished |= {call.subject_id for call, _ in put_off}
        if seen:
            await engine_thread(lambda: self._batch.observed(seen))
            self._reading -= {call.subject_id for call, _ in seen}

    async def _watch(self) -> None:
        """Cancel what is under way for a generation that is not desired any more."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            # What has its receipt is only looked at, and may be delivered anew meanwhile.
            under_way = {
                task: call for task, call in self._open.items() if call.subject_id not in self._reading
            }
            if not under_way:
                continue
            calls = list(under_way.values())
            with suppress(Exception):  # a look that failed is made again
                gone = await engine_thread(lambda calls=calls: self._batch.superseded(calls))  # type: ignore[misc]
                for task, call in under_way.items():
                    if call.subject_id in gone:
                        task.cancel()

    def _recorder(self, call: "DeployCall") -> AttemptRecorder:
        def record(failure: Failure) -> None:
            if failure.kind == RateLimited.__name__ and not failure.permanent:
                self._refused_until = failure.next_try_at
                self._put_off.append((call, failure))  # recorded with others, before this activity ends
                return
            self._batch.fail(self._batch_id, call, failure)
            self._finished.add(call.subject_id)

        return AttemptRecorder(self._clock, record, self._faults.record)
