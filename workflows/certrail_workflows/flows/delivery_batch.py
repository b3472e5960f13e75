"""Many deliveries of one sync that are due together, made by one activity."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.messages import (
    DELIVER_BATCH,
    START_OWN_DELIVERIES,
    DeliveryBatchInput,
    DeliveryBatchRest,
)


@workflow.defn
class DeliveryBatchWorkflow:
    """One attempt for each delivery; one that fails, or has to wait, gets a workflow of its own."""

    @workflow.run
    async def run(self, task: DeliveryBatchInput) -> int:
        """Returns how many deliveries were taken, or fails where those that are left have their own workflows now."""
        try:
            await workflow.execute_activity(
                DELIVER_BATCH, task, **policies.on_queue(task.queue, policies.DELIVER_BATCH)
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # Its worker was lost, or nobody serves the queue: the intents say what may exist.
            rest = DeliveryBatchRest(workflow.info().workflow_id, task.delivery_ids)
            await workflow.execute_local_activity(START_OWN_DELIVERIES, rest, **policies.OWN_STEP)
            raise ApplicationError(
                "The batch could not go on; each delivery that was left has its own workflow now.",
                type="DeliveryBatchFailed",
                non_retryable=True,
            ) from error
        return len(task.delivery_ids)
