"""How a plugin's work runs inside an activity: with heartbeats, and cancelled only when that is safe."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import activity

from certrail_workflows import limits, policies

T = TypeVar("T")


async def run_with_heartbeat(work: Coroutine[Any, Any, T], every: timedelta = policies.HEARTBEAT_EVERY) -> T:
    """Run the work with heartbeats.

    A try that is no longer wanted gets ``CANCEL_GRACE`` to finish. One that lost its activity to a timeout,
    or whose worker stops, is cancelled at once.
    """
    async with _heartbeats(every):
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if _may_finish():
                await asyncio.wait([task], timeout=limits.CANCEL_GRACE.total_seconds())
            if task.done() and not task.cancelled():
                return task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise


def _may_finish() -> bool:
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


@asynccontextmanager
async def _heartbeats(every: timedelta) -> AsyncIterator[None]:
    beating = asyncio.create_task(_beat(every))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat(every: timedelta) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(every.total_seconds())
