"""The validation of one ACME challenge, from the client's answer to its final status."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import time_until
from certrail_workflows.messages import (
    FAIL_VALIDATION,
    VALIDATE,
    WAITING,
    ValidationFailure,
    ValidationInput,
    ValidationStep,
)


@workflow.defn
class ValidationWorkflow:
    """Checks, and checks again after a pause, until the challenge is valid or has failed for good.

    How often is the database's to say: it counts the checks.
    """

    @workflow.run
    async def run(self, task: ValidationInput) -> str:
        """Returns the challenge's final status."""
        while True:
            try:
                step: ValidationStep = await workflow.execute_activity(
                    VALIDATE, task.challenge_id, result_type=ValidationStep, **policies.VALIDATE
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                await self._fail(task.challenge_id)
                raise
            if step.status != WAITING:
                return step.status
            pause = time_until(step.wake_at) or policies.SHORTEST_PAUSE
            workflow.set_current_details(f"Checks again in {pause.total_seconds():.0f} s.")
            await workflow.sleep(pause)
            workflow.set_current_details("")

    async def _fail(self, challenge_id: str) -> None:
        failure = ValidationFailure(
            challenge_id, "certrail could not validate this; the worker's log says why"
        )
        try:
            await workflow.execute_local_activity(FAIL_VALIDATION, failure, **policies.OWN_STEP)
        except FailureError:
            workflow.logger.error("the failure of challenge %s could not be recorded", challenge_id)
