"""One revocation list at one mirror, published again whenever a new list is signed."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import ChangeSignals, is_recorded
from certrail_workflows.messages import MIRROR, RECORD_TIMEOUT, PluginTaskInput, TimedOut


@workflow.defn
class CrlMirrorWorkflow(ChangeSignals):
    """Publishes the present list; a signal about a newer one cancels the attempts for an older one."""

    @workflow.run
    async def run(self, task: PluginTaskInput) -> None:
        """Ends once the present list is published, or failed permanently; the next list starts it again."""
        self._remember(task.seen)
        while True:
            self._changed = False
            await self._publish(task)
            if not self._changed:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(task, seen=self.seen))

    async def _publish(self, task: PluginTaskInput) -> None:
        activity = workflow.start_activity(
            MIRROR, task.subject_id, **policies.on_queue(task.queue, policies.DELIVER)
        )
        try:
            await self._unless_changed(activity, "Publishes the list")
        except ActivityError as error:
            if self._changed or is_recorded(error):
                return
            if is_cancelled_exception(error):
                raise
            timed_out = TimedOut(MIRROR, task.subject_id)
            await workflow.execute_local_activity(RECORD_TIMEOUT, timed_out, **policies.OWN_STEP)
