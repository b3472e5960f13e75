"""One lineage at one destination: deployed, verified, and retried for days if necessary."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import ChangeSignals, is_recorded
from certrail_workflows.messages import (
    DELIVER,
    DELIVERED,
    DELIVERY_STATUS,
    RECORD_TIMEOUT,
    REMOVE,
    VERIFY,
    DeliveryResult,
    DeliveryStatus,
    Deployed,
    PluginTaskInput,
    ReadBack,
    TimedOut,
)


@workflow.defn
class DeliveryWorkflow(ChangeSignals):
    """Reconciles one delivery with its desired state; a newer generation or a manual retry cuts any wait short.

    A delivery that failed for good ends the workflow normally, with ``failed`` as its result: the record
    holds the reason, and the next generation starts a new run.
    """

    @workflow.run
    async def run(self, task: PluginTaskInput) -> DeliveryResult:
        """Returns once observed and desired state are equal, or the last attempt has failed permanently."""
        self._remember(task.seen)
        rounds = 0
        while True:
            self._changed = False
            result = await self._round(task)
            if result is not None and not self._changed:
                return result
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(task, seen=self.seen))
            rounds = 0 if self._changed else rounds + 1
            await self._pause(policies.backoff(rounds), "Waits before the next attempt")

    async def _round(self, task: PluginTaskInput) -> DeliveryResult | None:
        """Deploy, verify and remove once; ``None`` when the desired state changed meanwhile.

        A deploy reads back what it deployed, and says where nothing is left to do. Only where the read-back did not
        succeed it is made by an activity of its own, which is retried by itself.

        What is to leave comes last and by itself: one that is in use for weeks must not keep the new one from being
        looked at, nor count as its failure.
        """
        deployed = await self._deliver(task)
        verified = deployed.verified if deployed else None
        if deployed and not deployed.read and not self._changed:
            verified = await self._verify(task)
        if self._changed:
            return None
        done = deployed is not None and deployed.read and deployed.settled
        status = DeliveryStatus(DELIVERED, settled=True) if done else await self._status(task)
        if status.retiring:
            await self._remove(task)
            if self._changed:
                return None
            status = await self._status(task)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return DeliveryResult(status.status, verified) if status.settled else None

    async def _deliver(self, task: PluginTaskInput) -> Deployed | None:
        """``None`` where it failed."""
        activity = workflow.start_activity(
            DELIVER,
            task.subject_id,
            result_type=Deployed,
            **policies.on_queue(task.queue, policies.DELIVER),
        )
        try:
            deployed: Deployed = await self._unless_changed(activity, "Delivers")
        except ActivityError as error:
            if not self._changed and not is_recorded(error):
                await self._record_timeout(DELIVER, task, error)
            return None
        return deployed

    async def _remove(self, task: PluginTaskInput) -> None:
        activity = workflow.start_activity(
            REMOVE, task.subject_id, **policies.on_queue(task.queue, policies.REMOVE)
        )
        try:
            await self._unless_changed(activity, "Removes what is not needed any more")
        except ActivityError as error:
            if not self._changed and not is_recorded(error):
                await self._record_timeout(REMOVE, task, error)

    async def _verify(self, task: PluginTaskInput) -> bool | None:
        activity = workflow.start_activity(
            VERIFY,
            task.subject_id,
            result_type=ReadBack,
            **policies.on_queue(task.queue, policies.VERIFY),
        )
        try:
            read_back: ReadBack = await self._unless_changed(activity, "Reads back what was delivered")
        except ActivityError:
            # It was deployed, as its receipt proves; that it could not be verified is recorded.
            return None
        return read_back.verified

    async def _status(self, task: PluginTaskInput) -> DeliveryStatus:
        status: DeliveryStatus = await workflow.execute_local_activity(
            DELIVERY_STATUS, task.subject_id, result_type=DeliveryStatus, **policies.OWN_STEP
        )
        return status

    async def _record_timeout(self, what: str, task: PluginTaskInput, error: ActivityError) -> None:
        if is_cancelled_exception(error):
            raise error
        timed_out = TimedOut(what, task.subject_id)
        await workflow.execute_local_activity(RECORD_TIMEOUT, timed_out, **policies.OWN_STEP)
