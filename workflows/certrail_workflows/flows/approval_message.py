"""One approval message in one channel, kept up to date until it is closed."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import ChangeSignals, is_recorded
from certrail_workflows.messages import (
    RECORD_TIMEOUT,
    REFRESH_APPROVAL_MESSAGE,
    PluginTaskInput,
    Refreshed,
    TimedOut,
)


@workflow.defn
class ApprovalMessageWorkflow(ChangeSignals):
    """Refreshes the message at every signal. A failure is recorded, and rests until the next signal."""

    @workflow.run
    async def run(self, task: PluginTaskInput) -> None:
        """Ends once the message is closed, or after a long time without a signal."""
        self._remember(task.seen)
        while True:
            self._changed = False
            closed = await self._refresh(task)
            if not closed:
                await self._pause(policies.QUESTION_IDLE, "Waits for the approval to change")
            if not self._changed:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(task, seen=self.seen))

    async def _refresh(self, task: PluginTaskInput) -> bool:
        activity = workflow.start_activity(
            REFRESH_APPROVAL_MESSAGE,
            task.subject_id,
            result_type=Refreshed,
            **policies.on_queue(task.queue, policies.REFRESH_APPROVAL_MESSAGE),
        )
        try:
            refreshed: Refreshed = await self._unless_changed(activity, "Refreshes the message")
        except ActivityError as error:
            if not self._changed and not is_recorded(error):
                await self._record_timeout(task, error)
            return False
        return refreshed.closed

    async def _record_timeout(self, task: PluginTaskInput, error: ActivityError) -> None:
        if is_cancelled_exception(error):
            raise error
        timed_out = TimedOut(REFRESH_APPROVAL_MESSAGE, task.subject_id)
        await workflow.execute_local_activity(RECORD_TIMEOUT, timed_out, **policies.OWN_STEP)
