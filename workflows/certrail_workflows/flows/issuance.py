"""One certificate request, from its acceptance to its final status."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import ChangeSignals, time_until
from certrail_workflows.messages import (
    ADVANCE_ISSUANCE,
    FAIL_ISSUANCE,
    FAILED,
    WAITING,
    IssuanceFailure,
    IssuanceInput,
    IssuanceStep,
)


@workflow.defn
class IssuanceWorkflow(ChangeSignals):
    """Takes the next step from the database until the request is final; keeps the approval's timers meanwhile."""

    @workflow.run
    async def run(self, task: IssuanceInput) -> str:
        """Returns the request's final status, or fails when the request failed."""
        while True:
            self._changed = False
            step = await self._advance(task.request_id)
            if step.status != WAITING:
                break
            await self._pause(time_until(step.wake_at), "Waits for approval")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(task)
        if step.status == FAILED:
            raise _failed()
        return step.status

    async def _advance(self, request_id: str) -> IssuanceStep:
        try:
            step: IssuanceStep = await workflow.execute_local_activity(
                ADVANCE_ISSUANCE, request_id, result_type=IssuanceStep, **policies.OWN_STEP
            )
        except FailureError as error:
            # A local activity's own error comes without the ActivityError around it.
            if is_cancelled_exception(error):
                raise
            await self._fail(request_id)
            raise _failed() from error
        return step

    async def _fail(self, request_id: str) -> None:
        reason = "certrail could not carry out this request; the worker's log says why"
        failure = IssuanceFailure(request_id, reason)
        try:
            await workflow.execute_local_activity(FAIL_ISSUANCE, failure, **policies.OWN_STEP)
        except FailureError:
            workflow.logger.error("the failure of request %s could not be recorded", request_id)


def _failed() -> ApplicationError:
    return ApplicationError(
        "The request failed; its record says why.", type="IssuanceFailed", non_retryable=True
    )
