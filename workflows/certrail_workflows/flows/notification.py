"""One message to one channel, retried on its own."""

from temporalio import workflow

from certrail_workflows import policies
from certrail_workflows.messages import Subject


@workflow.defn(name="notification")
class NotificationFlow:
    """Fails for good only when a person must act; the record says why."""

    @workflow.run
    async def run(self, subject: Subject) -> None:
        await workflow.execute_activity(
            "notify",
            subject.id,
            task_queue=subject.queue,
            start_to_close_timeout=policies.PLUGIN_TIMEOUT,
            schedule_to_close_timeout=policies.PLUGIN_PATIENCE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PLUGIN_RETRY,
        )
