"""Steps that touch only our own database, and the sweeps."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from temporalio import activity

from certrail.services.core.failure import Failure
from certrail_workflows import messages, policies
from certrail_workflows.activities.running import run_with_heartbeat
from certrail_workflows.errors import classify_own_step
from certrail_workflows.messages import (
    DeliveryBatchRest,
    DeliveryStatus,
    IssuanceBatchInput,
    IssuanceBatchStep,
    IssuanceFailure,
    IssuanceStep,
    RenewalInput,
    RenewalStep,
    RevocationFailure,
    RevocationStep,
    TimedOut,
)

if TYPE_CHECKING:
    from certrail.services.delivery.batch import DeliveryBatch
    from certrail.services.delivery.deliveries import Deliveries
    from certrail.services.facade import Effects, Sweeps
    from certrail.services.issuance.batch import IssuanceBatch
    from certrail.services.issuance.issuance import Issuance
    from certrail.services.lifecycle.renewal_waits import RenewalWaits
    from certrail.services.lifecycle.revocation import Revocation

T = TypeVar("T")

OUT_OF_TIME = Failure(
    kind="OutOfTime",
    message="No attempt succeeded before the time limit.",
    action="Correct the cause of the earlier failures of this object, then retry by hand.",
    plugin="certrail",
    next_try_at=None,
    permanent=True,
)


class IssuanceActivities:
    """Local activities of issuance."""

    def __init__(self, issuance: "Issuance") -> None:
        self._issuance = issuance

    @activity.defn(name=messages.ADVANCE_ISSUANCE)
    async def advance_issuance(self, request_id: str) -> IssuanceStep:
        """Take the request's next step."""
        advance = await own_step(lambda: self._issuance.advance(request_id))
        return IssuanceStep(advance.status, advance.wake_at)

    @activity.defn(name=messages.FAIL_ISSUANCE)
    async def fail_issuance(self, failure: IssuanceFailure) -> None:
        """Record that certrail gave up on a request."""
        await own_step(lambda: self._issuance.fail(failure.request_id, failure.reason))


class IssuanceBatchActivities:
    """Local activities of issuance in bulk."""

    def __init__(self, batch: "IssuanceBatch") -> None:
        self._batch = batch

    @activity.defn(name=messages.ADVANCE_ISSUANCE_BATCH)
    async def advance_issuance_batch(self, chunk: IssuanceBatchInput) -> IssuanceBatchStep:
        """Issue a chunk of the requests."""
        left = await own_step(lambda: self._batch.advance(chunk.request_ids))
        return IssuanceBatchStep(tuple(left))

    @activity.defn(name=messages.START_OWN_ISSUANCES)
    async def start_own_issuances(self, chunk: IssuanceBatchInput) -> None:
        """Start the own workflows of those of the requests that are open."""
        await own_step(lambda: self._batch.start_own_workflows(chunk.request_ids))


class DeliveryBatchActivities:
    """The local activity of deliveries in bulk."""

    def __init__(self, batch: "DeliveryBatch") -> None:
        self._batch = batch

    @activity.defn(name=messages.START_OWN_DELIVERIES)
    async def start_own_deliveries(self, rest: DeliveryBatchRest) -> None:
        """Start the own workflows of those of the deliveries that are not at rest; each may be at the destination."""
        await own_step(
            lambda: self._batch.hand_over(rest.batch_id, rest.delivery_ids, called=rest.delivery_ids)
        )


class RevocationActivities:
    """Local activities of revocations."""

    def __init__(self, revocation: "Revocation") -> None:
        self._revocation = revocation

    @activity.defn(name=messages.ADVANCE_REVOCATION)
    async def advance_revocation(self, request_id: str) -> RevocationStep:
        """Take the request's next step."""
        advance = await own_step(lambda: self._revocation.advance(request_id))
        return RevocationStep(advance.status, advance.wake_at)

    @activity.defn(name=messages.FAIL_REVOCATION)
    async def fail_revocation(self, failure: RevocationFailure) -> None:
        """Record that certrail gave up on a request."""
        await own_step(lambda: self._revocation.fail(failure.request_id, failure.reason))


class RenewalActivities:
    """Local activities of renewal rounds."""

    def __init__(self, waits: "RenewalWaits") -> None:
        self._waits = waits

    @activity.defn(name=messages.ADVANCE_RENEWAL)
    async def advance_renewal(self, task: RenewalInput) -> RenewalStep:
        """Take the round's next step."""
        step = await own_step(lambda: self._waits.advance(task.lineage_id, task.round))
        return RenewalStep(step.wait or messages.RENEWAL_OVER, step.wake_at)

    @activity.defn(name=messages.HAND_BACK_RENEWAL)
    async def hand_back_renewal(self, task: RenewalInput) -> None:
        """Give the lineage back to the sweep."""
        await own_step(lambda: self._waits.hand_back(task.lineage_id, task.round))


class OutcomeActivities:
    """Local activities of flows that work through plugins."""

    def __init__(self, deliveries: "Deliveries", effects: "Effects") -> None:
        self._deliveries = deliveries
        self._steps = {step.verb: step for step in effects.all()}

    @activity.defn(name=messages.DELIVERY_STATUS)
    async def delivery_status(self, delivery_id: str) -> DeliveryStatus:
        """Desired and observed state compared: whether they differ and may still be attempted."""
        state = await own_step(lambda: self._deliveries.state(delivery_id))
        at_rest = state.in_place or state.status in (messages.FAILED, messages.REMOVED)
        return DeliveryStatus(state.status, at_rest and not state.retiring, state.retiring)

    @activity.defn(name=messages.RECORD_TIMEOUT)
    async def record_timeout(self, timed_out: TimedOut) -> None:
        """Record that a plugin's verb timed out (``schedule_to_close_timeout``)."""
        step = self._steps[timed_out.verb]
        await own_step(lambda: step.fail_to_begin(timed_out.subject_id, OUT_OF_TIME))


class SweepActivities:
    """What is due, kind by kind: the outbox, which the dispatcher drains, and what the services sweep."""

    def __init__(self, sweeps: "Sweeps", drain: Callable[[], Awaitable[int]]) -> None:
        self._sweeps = sweeps
        self._drain = drain

    @activity.defn(name=messages.SWEEP)
    async def sweep(self, kind: str) -> int:
        """Handle what is due, again and again for one shift; returns how much was handled."""
        look = self._drain if kind == messages.OUTBOX else _all_due(self._sweeps[kind])
        return await run_with_heartbeat(_shift(look), policies.SWEEP_HEARTBEAT_EVERY)


def _all_due(some: Callable[[], int]) -> Callable[[], Awaitable[int]]:
    """Chunk by chunk until nothing is due, each in a thread."""

    async def look() -> int:
        total = 0
        while (handled := await asyncio.to_thread(some)) and not activity.is_worker_shutdown():
            total += handled
        return total

    return look


async def _shift(look: Callable[[], Awaitable[int]]) -> int:
    total = 0
    for _ in range(policies.SWEEP_SHIFT // policies.SWEEP_EVERY):
        total += await look()
        if await _worker_stops(policies.SWEEP_EVERY.total_seconds()):
            break
    return total


async def own_step(step: Callable[[], T]) -> T:
    """Run one transaction in a thread.

    Raises:
        ApplicationError: saying whether to try again; never with the text of the cause.
    """
    try:
        return await asyncio.to_thread(step)
    except Exception as error:
        info = activity.info()
        raise classify_own_step(error, step=info.activity_type, attempt=info.attempt) from None


async def _worker_stops(within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await activity.wait_for_worker_shutdown()
    except TimeoutError:
        return False
    return True
