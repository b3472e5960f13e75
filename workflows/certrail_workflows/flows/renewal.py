"""One renewal that has to wait: for an approval, a window, the authority or its rate limit, or the next attempt."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import ChangeSignals, time_until
from certrail_workflows.messages import (
    ADVANCE_RENEWAL,
    HAND_BACK_RENEWAL,
    RENEWAL_OVER,
    RenewalInput,
    RenewalStep,
)

REASONS = {
    "approval": "Waits for approval",
    "authority": "Waits for the certificate authority",
    "rate": "Waits for its slot under the rate limit of the authority",
    "retry": "Waits for the next attempt after a failure",
    "window": "Waits for an open renewal window",
}


@workflow.defn
class RenewalWorkflow(ChangeSignals):
    """Takes the next step of a round from the database until it has ended; a signal ends each wait early."""

    @workflow.run
    async def run(self, task: RenewalInput) -> None:
        """Ends once the lineage is renewed, or the round has ended for another reason, which the database holds."""
        self._remember(task.seen)
        while True:
            self._changed = False
            step = await self._advance(task)
            if step.wait == RENEWAL_OVER:
                return
            await self._pause(time_until(step.wake_at), REASONS[step.wait])
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(task, seen=self.seen))

    async def _advance(self, task: RenewalInput) -> RenewalStep:
        try:
            step: RenewalStep = await workflow.execute_local_activity(
                ADVANCE_RENEWAL, replace(task, seen=()), result_type=RenewalStep, **policies.OWN_STEP
            )
        except FailureError as error:
            # A local activity's own error comes without the ActivityError around it.
            if is_cancelled_exception(error):
                raise
            await workflow.execute_local_activity(
                HAND_BACK_RENEWAL, replace(task, seen=()), **policies.OWN_STEP
            )
            raise ApplicationError(
                "The renewal could not be taken further; the sweep tries again in an hour.",
                type="RenewalHandedBack",
                non_retryable=True,
            ) from error
        return step
