"""Picks up what a crash left in the outbox."""

from temporalio import workflow

from certrail_workflows import policies
from certrail_workflows.messages import DRAIN_OUTBOX


@workflow.defn
class OutboxSweepWorkflow:
    """One shift of looking into the outbox, started by a Schedule that never lets two overlap."""

    @workflow.run
    async def run(self) -> int:
        """Returns how many messages were sent."""
        sent: int = await workflow.execute_activity(DRAIN_OUTBOX, result_type=int, **policies.DRAIN_OUTBOX)
        return sent
