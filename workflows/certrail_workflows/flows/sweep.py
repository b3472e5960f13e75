"""Sweeps: outbox rows that a crash left behind, renewals, revocation lists, expiry alerts and the others."""

from temporalio import workflow

from certrail_workflows import policies
from certrail_workflows.messages import SWEEP


@workflow.defn
class SweepWorkflow:
    """One shift of one kind of sweep, started by a Schedule that never lets two of a kind overlap."""

    @workflow.run
    async def run(self, kind: str) -> int:
        """Returns how much was handled."""
        workflow.set_current_details(f"Looks for due {kind} every {policies.SWEEP_EVERY.seconds} seconds.")
        handled: int = await workflow.execute_activity(SWEEP, kind, result_type=int, **policies.SWEEP)
        return handled
