"""Deliveries in bulk as one activity: calls side by side, receipts recorded in groups, each item for itself."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from certrail.services.core.failure import Failure
from certrail_sdk import Observation, Receipt
from certrail_workflows import messages
from certrail_workflows.activities.attempts import AttemptRecorder
from certrail_workflows.activities.calls import Calls, engine_thread
from certrail_workflows.activities.running import run_with_heartbeat
from certrail_workflows.messages import DeliveryBatchInput

if TYPE_CHECKING:
    from certrail.services.delivery.batch import DeliveryBatch
    from certrail.services.delivery.deploy import DeployCall
    from certrail.services.integrations.plugin_faults import PluginFaults

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Calls of one batch that are under way together."""
BEGIN_WITHIN = 30.0
"""Seconds after which nothing more is begun: what waits behind slow calls gets its own workflow."""
COMMIT_DELAY = 0.05
"""Seconds from the first answer to the commit of its group, which later answers join (PostgreSQL: `commit_delay`)."""
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
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._open: dict[asyncio.Task[None], DeployCall] = {}
        self._called: set[str] = set()
        self._finished: set[str] = set()
        self._answers: list[tuple[DeployCall, Receipt]] = []
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
        if rest := left - self._finished:
            await engine_thread(lambda: self._batch.hand_over(self._batch_id, rest, called=self._called))

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
        recorder = self._recorder(call)
        async with self._gate:
            if asyncio.get_running_loop().time() >= stop_at:
                return
            self._called.add(call.subject_id)
            try:
                answer: Receipt = await recorder.plugin_call(self._calls, messages.DELIVER, call)
            except ApplicationError as failed:
                log.debug("delivery %s failed in a batch: %s", call.subject_id, failed.type)
                return
            seen = call
            try:
                seen = await self._read_back(recorder, call, answer)
            finally:
                self._answers.append((seen, answer))
                self._wake.set()

    async def _read_back(
        self, recorder: AttemptRecorder, call: "DeployCall", answer: Receipt
    ) -> "DeployCall":
        """The call with what was seen. A fault of the plugin is recorded, any other failure is left to `VERIFY`."""
        reading = self._batch.read_back(call, answer)
        if reading is None:
            return call
        try:
            seen: Observation = await recorder.contained_call(self._calls, messages.VERIFY, reading)
            return replace(call, seen=seen)
        except Exception:
            return call

    async def _record(self) -> None:
        """Group commit: receipts that come shortly after one another are recorded by one transaction."""
        while True:
            await self._wake.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), COMMIT_DELAY)
            self._wake.clear()
            while group := self._answers:
                self._answers = []
                self._finished |= set(
                    await engine_thread(
                        lambda group=group: self._batch.complete(self._batch_id, group)  # type: ignore[misc]
                    )
                )
            if self._closed.is_set():
                return

    async def _watch(self) -> None:
        """Cancel what is under way for a generation that is not desired any more."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not (under_way := dict(self._open)):
                continue
            calls = list(under_way.values())
            with suppress(Exception):  # a look that failed is made again
                gone = await engine_thread(lambda calls=calls: self._batch.superseded(calls))  # type: ignore[misc]
                for task, call in under_way.items():
                    if call.subject_id in gone:
                        task.cancel()

    def _recorder(self, call: "DeployCall") -> AttemptRecorder:
        def record(failure: Failure) -> None:
            self._batch.fail(self._batch_id, call, failure)
            self._finished.add(call.subject_id)

        return AttemptRecorder(self._clock, record, self._faults.record)
