"""Sweeps: run by Temporal Schedules, they pick up what a crash left behind."""

from temporalio import workflow

from certrail_workflows import policies


@workflow.defn(name="outbox-sweep")
class OutboxSweepFlow:
    """Sends outbox rows that no dispatcher sent."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            "drain_outbox",
            result_type=int,
            start_to_close_timeout=policies.OUTBOX_TIMEOUT,
            retry_policy=policies.STEP_RETRY,
        )
