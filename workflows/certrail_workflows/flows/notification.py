"""One notification to one channel."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import is_recorded
from certrail_workflows.messages import NOTIFY, RECORD_TIMEOUT, PluginTaskInput, TimedOut


@workflow.defn
class NotificationWorkflow:
    """Sends one notification; after a failure it may be started again under the same id."""

    @workflow.run
    async def run(self, task: PluginTaskInput) -> None:
        """Fails when it could not be sent."""
        workflow.set_current_details("Sends the message.")
        try:
            await workflow.execute_activity(
                NOTIFY, task.subject_id, **policies.on_queue(task.queue, policies.NOTIFY)
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._fail(task, error)

    async def _fail(self, task: PluginTaskInput, error: ActivityError) -> None:
        if not is_recorded(error):
            timed_out = TimedOut(NOTIFY, task.subject_id)
            await workflow.execute_local_activity(RECORD_TIMEOUT, timed_out, **policies.OWN_STEP)
        raise ApplicationError(
            "The message could not be sent; its record says why.",
            type="NotificationFailed",
            non_retryable=True,
        ) from error
