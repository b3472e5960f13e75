"""What must stand in Temporal before work begins: a namespace that remembers, and the schedules of the sweeps."""

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
from certrail_workflows.flows import OutboxSweepWorkflow, SweepWorkflow
from certrail_workflows.messages import CORE_QUEUE

OUTBOX = "outbox"
KINDS = (
    OUTBOX,
    "digests",
    "expiry",
    "housekeeping",
    "incidents",
    "renewals",
    "retirements",
    "revocation-lists",
    "shared",
)
"""What is swept, each by a schedule of its own."""


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


async def ensure_sweeps(client: Client) -> None:
    """Create the schedules of the sweeps, or bring them to their present form."""
    for kind in KINDS:
        await _ensure(client, f"sweep-{kind}", _sweep(kind))


async def _ensure(client: Client, ident: str, schedule: Schedule) -> None:
    try:
        await client.create_schedule(ident, schedule)
    except ScheduleAlreadyRunningError:

        def replaced(_present: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(ident).update(replaced)


def _sweep(kind: str) -> Schedule:
    flow, arguments = (OutboxSweepWorkflow, []) if kind == OUTBOX else (SweepWorkflow, [kind])
    return Schedule(
        action=ScheduleActionStartWorkflow(
            flow.run,
            args=arguments,
            id=f"sweep-{kind}",
            task_queue=CORE_QUEUE,
            execution_timeout=2 * policies.SWEEP_SHIFT,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=policies.SWEEP_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=policies.SWEEP_CATCH_UP),
    )
