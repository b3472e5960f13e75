"""The workflows of the floor."""

from datetime import timedelta

from temporalio import workflow

QUEUE = "bench-floor"
COMMIT_ROW = "commit_row"


@workflow.defn
class OneActivity:
    """One remote activity, which commits one row."""

    @workflow.run
    async def run(self, number: int) -> None:
        """Returns when the row is committed."""
        await workflow.execute_activity(COMMIT_ROW, number, start_to_close_timeout=timedelta(seconds=30))


@workflow.defn
class NoOpUpdates:
    """Answers updates that do nothing, until it is ended."""

    def __init__(self) -> None:
        self._ended = False

    @workflow.run
    async def run(self) -> None:
        """Returns after `end`."""
        await workflow.wait_condition(lambda: self._ended)

    @workflow.update
    async def nothing(self) -> None:
        """Do nothing."""

    @workflow.signal
    def end(self) -> None:
        """Let it complete."""
        self._ended = True
