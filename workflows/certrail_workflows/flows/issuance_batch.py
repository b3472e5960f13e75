"""Many certificate requests that wait for nothing, issued chunk by chunk."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.messages import (
    ADVANCE_ISSUANCE_BATCH,
    START_OWN_ISSUANCES,
    IssuanceBatchInput,
    IssuanceBatchStep,
)


@workflow.defn
class IssuanceBatchWorkflow:
    """Each step issues a chunk in one transaction; a request that has to wait, or fails, gets a workflow of its own."""

    @workflow.run
    async def run(self, task: IssuanceBatchInput) -> int:
        """Returns how many requests were taken, or fails where those that are left have their own now."""
        left = task.request_ids
        while left:
            left = await self._advance(left)
        return len(task.request_ids)

    async def _advance(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        chunk = IssuanceBatchInput(request_ids)
        try:
            step: IssuanceBatchStep = await workflow.execute_local_activity(
                ADVANCE_ISSUANCE_BATCH, chunk, result_type=IssuanceBatchStep, **policies.OWN_STEP
            )
        except FailureError as error:
            # A local activity's own error comes without the ActivityError around it.
            if is_cancelled_exception(error):
                raise
            await workflow.execute_local_activity(START_OWN_ISSUANCES, chunk, **policies.OWN_STEP)
            raise ApplicationError(
                "The batch could not go on; each request that was left has its own workflow now.",
                type="IssuanceBatchFailed",
                non_retryable=True,
            ) from error
        return step.left
