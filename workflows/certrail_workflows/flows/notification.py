"""One message to one channel."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.listening import is_recorded
from certrail_workflows.messages import GIVE_UP, NOTIFY, Abandoned, PluginOrder


@workflow.defn
class NotificationFlow:
    """Sends once; a failed one may be started again under the same id."""

    @workflow.run
    async def run(self, order: PluginOrder) -> None:
        """Fails when the message could not be sent."""
        try:
            await workflow.execute_activity(
                NOTIFY, order.subject_id, **policies.on_queue(order.queue, policies.NOTIFY)
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._fail(order, error)

    async def _fail(self, order: PluginOrder, error: ActivityError) -> None:
        if not is_recorded(error):
            abandoned = Abandoned("notification", order.subject_id)
            await workflow.execute_local_activity(GIVE_UP, abandoned, **policies.OWN_STEP)
        raise ApplicationError(
            "The message could not be sent; its record says why.",
            type="NotificationFailed",
            non_retryable=True,
        ) from error
