"""What must stand in Temporal before work begins: a namespace that remembers, and the sweep's schedule."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from certrail_workflows import policies
from certrail_workflows.flows import OutboxSweepFlow
from certrail_workflows.messages import CORE_QUEUE

SWEEP_ID = "sweep-outbox"


async def ensure_namespace(client: Client, retention: timedelta) -> None:
    """Create the namespace, or correct how long it keeps closed workflows."""
    wanted = Duration()
    wanted.FromTimedelta(retention)
    service = client.workflow_service
    try:
        found = await service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=policies.RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        await service.register_namespace(
            RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=wanted)
        )
        return
    if found.config.workflow_execution_retention_ttl.ToTimedelta() != retention:
        config = NamespaceConfig(workflow_execution_retention_ttl=wanted)
        await service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))


async def ensure_sweep(client: Client) -> None:
    """Create the schedule of the outbox sweep, or bring it to its present form."""
    schedule = _sweep()
    try:
        await client.create_schedule(SWEEP_ID, schedule)
    except ScheduleAlreadyRunningError:

        def replaced(_present: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(SWEEP_ID).update(replaced)


def _sweep() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            OutboxSweepFlow.run,
            id=SWEEP_ID,
            task_queue=CORE_QUEUE,
            execution_timeout=2 * policies.SWEEP_SHIFT,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=policies.SWEEP_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=policies.SWEEP_CATCH_UP),
    )
