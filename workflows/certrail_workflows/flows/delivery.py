"""One lineage at one destination: brought there, read back, and kept at for days."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from certrail_workflows import policies
from certrail_workflows.messages import DeliveryStatus, Subject


@workflow.defn(name="delivery")
class DeliveryFlow:
    """A newer wish, or a retry by hand, interrupts a long pause; the same news twice does not."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._news = False

    @workflow.signal
    def changed(self, reference: str) -> None:
        """A certificate is wanted, or somebody asks for a try now."""
        if reference not in self._heard:
            self._heard.add(reference)
            self._news = True

    @workflow.run
    async def run(self, subject: Subject) -> str:
        status = "unknown"
        while True:
            self._news = False
            if await self._deliver(subject):
                await self._verify(subject)
            state = await self._state(subject.id)
            status = state.status
            if self._news or (not state.settled and status != "failed"):
                continue
            return status

    async def _deliver(self, subject: Subject) -> bool:
        """Deliver, with all of Temporal's patience; `False` when news came or a person must act."""
        work = workflow.start_activity(
            "deliver",
            subject.id,
            task_queue=subject.queue,
            start_to_close_timeout=policies.PLUGIN_TIMEOUT,
            schedule_to_close_timeout=policies.PLUGIN_PATIENCE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PLUGIN_RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        await workflow.wait_condition(lambda: work.done() or self._news)
        if not work.done():
            work.cancel()
        try:
            await work
        except ActivityError:
            return False
        except asyncio.CancelledError:
            if self._news:
                return False
            raise
        return True

    async def _verify(self, subject: Subject) -> None:
        try:
            await workflow.execute_activity(
                "verify",
                subject.id,
                task_queue=subject.queue,
                start_to_close_timeout=policies.PLUGIN_TIMEOUT,
                schedule_to_close_timeout=policies.PLUGIN_PATIENCE,
                heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
                retry_policy=policies.PLUGIN_RETRY,
            )
        except ActivityError:
            # The delivery stands and its record says that it could not be read back.
            workflow.logger.warning("delivery %s could not be read back", subject.id)

    async def _state(self, delivery_id: str) -> DeliveryStatus:
        return await workflow.execute_local_activity(
            "delivery_state",
            delivery_id,
            result_type=DeliveryStatus,
            start_to_close_timeout=policies.STEP_TIMEOUT,
            retry_policy=policies.GIVE_UP_RETRY,
        )
