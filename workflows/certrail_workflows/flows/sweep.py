"""Looks for what is due by the clock: renewals, revocation lists, alerts before the end."""

from temporalio import workflow

from certrail_workflows import policies
from certrail_workflows.messages import SWEEP


@workflow.defn
class SweepWorkflow:
    """One shift of one kind of sweep, started by a Schedule that never lets two of a kind overlap."""

    @workflow.run
    async def run(self, kind: str) -> int:
        """Returns how much was handled."""
        handled: int = await workflow.execute_activity(SWEEP, kind, result_type=int, **policies.DRAIN_OUTBOX)
        return handled
