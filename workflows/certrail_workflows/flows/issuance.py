"""One certificate request, from acceptance to its certificate or its refusal."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from certrail_workflows import policies
from certrail_workflows.messages import GiveUp, Progress, Subject


@workflow.defn(name="issuance")
class IssuanceFlow:
    """The database says what the next step is; this flow owns the time between the steps."""

    def __init__(self) -> None:
        self._changed = False

    @workflow.signal
    def changed(self, reference: str) -> None:
        """A vote, a cancellation or an edit was committed."""
        self._changed = True

    @workflow.run
    async def run(self, subject: Subject) -> str:
        while True:
            self._changed = False
            progress = await self._advance(subject.id)
            if progress.status == "failed":
                # A failed run may be started again by hand; one that completed may not.
                raise ApplicationError("the request failed; its record says why", type="IssuanceFailed")
            if progress.status != "waiting":
                return progress.status
            await self._wait(progress)

    async def _advance(self, request_id: str) -> Progress:
        try:
            return await workflow.execute_local_activity(
                "advance_issuance",
                request_id,
                result_type=Progress,
                start_to_close_timeout=policies.STEP_TIMEOUT,
                retry_policy=policies.STEP_RETRY,
            )
        except ActivityError as err:
            reason = f"a step kept failing ({_kind(err)}); see the worker's log, then retry the request"
            await workflow.execute_local_activity(
                "fail_issuance",
                GiveUp(request_id, reason),
                start_to_close_timeout=policies.STEP_TIMEOUT,
                retry_policy=policies.GIVE_UP_RETRY,
            )
            return Progress("failed")

    async def _wait(self, progress: Progress) -> None:
        timeout = None
        if progress.wake_at is not None:
            timeout = max((progress.wake_at - workflow.now()).total_seconds(), 0.0)
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=timeout)
        except TimeoutError:
            return


def _kind(err: ActivityError) -> str:
    return (
        err.cause.type or "unknown" if isinstance(err.cause, ApplicationError) else type(err.cause).__name__
    )
