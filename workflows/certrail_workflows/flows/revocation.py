"""One revocation request, from its acceptance to its final status."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.signals import ChangeSignals
from certrail_workflows.messages import (
    ADVANCE_REVOCATION,
    FAIL_REVOCATION,
    FAILED,
    WAITING,
    RevocationFailure,
    RevocationInput,
    RevocationStep,
)


@workflow.defn
class RevocationWorkflow(ChangeSignals):
    """Takes the next step from the database until the request is final; keeps the approval's timers meanwhile.

    The step that revokes signs the list, plans what is removed at destinations and records what is notified; their
    own workflows carry it out.
    """

    @workflow.run
    async def run(self, task: RevocationInput) -> str:
        """Returns the request's final status, or fails when the request failed."""
        self._remember(task.seen)
        while True:
            self._changed = False
            step = await self._advance(task.request_id)
            if step.status != WAITING:
                break
            await self._pause(_wait(step.wake_at), "Waits for approval")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(RevocationInput(task.request_id, self.seen))
        if step.status == FAILED:
            raise _failed()
        return step.status

    async def _advance(self, request_id: str) -> RevocationStep:
        try:
            step: RevocationStep = await workflow.execute_local_activity(
                ADVANCE_REVOCATION, request_id, result_type=RevocationStep, **policies.OWN_STEP
            )
        except FailureError as error:
            # A local activity's own error comes without the ActivityError around it.
            if is_cancelled_exception(error):
                raise
            await self._fail(request_id)
            raise _failed() from error
        return step

    async def _fail(self, request_id: str) -> None:
        reason = "certrail could not carry out this revocation; the worker's log says why"
        failure = RevocationFailure(request_id, reason)
        try:
            await workflow.execute_local_activity(FAIL_REVOCATION, failure, **policies.OWN_STEP)
        except FailureError:
            workflow.logger.error("the failure of revocation request %s could not be recorded", request_id)


def _wait(wake_at: datetime | None) -> timedelta | None:
    return max(wake_at - workflow.now(), policies.SHORTEST_PAUSE) if wake_at else None


def _failed() -> ApplicationError:
    return ApplicationError(
        "The revocation failed; its record says why.", type="RevocationFailed", non_retryable=True
    )
