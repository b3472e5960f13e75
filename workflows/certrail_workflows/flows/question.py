"""One posted copy of an approval's question, kept true until it is closed."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from certrail_workflows import policies
from certrail_workflows.messages import Subject


@workflow.defn(name="question")
class QuestionFlow:
    """Many changes at once are one refresh: what is shown is always read from the database."""

    def __init__(self) -> None:
        self._changed = False

    @workflow.signal
    def changed(self, reference: str) -> None:
        """The approval moved on."""
        self._changed = True

    @workflow.run
    async def run(self, subject: Subject) -> None:
        while True:
            self._changed = False
            if await self._refresh(subject) and not self._changed:
                return
            await workflow.wait_condition(lambda: self._changed)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(subject)

    async def _refresh(self, subject: Subject) -> bool:
        """Show the present state; `True` when the copy is closed and needs no more."""
        try:
            return await workflow.execute_activity(
                "refresh_question",
                subject.id,
                result_type=bool,
                task_queue=subject.queue,
                start_to_close_timeout=policies.PLUGIN_TIMEOUT,
                schedule_to_close_timeout=policies.PLUGIN_PATIENCE,
                heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
                retry_policy=policies.PLUGIN_RETRY,
            )
        except ActivityError:
            # The failure is on record and its event was told; the next change tries again.
            return False
