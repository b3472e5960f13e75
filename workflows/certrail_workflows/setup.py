"""What Temporal needs before work begins: a namespace that remembers, and the schedules of the sweeps."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
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
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from certrail_workflows import policies
from certrail_workflows.codec import ReadableText
from certrail_workflows.flows.sweep import SweepWorkflow
from certrail_workflows.messages import CORE_QUEUE, OUTBOX
from certrail_workflows.search_attributes import KIND

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
    """Create the namespace if it is missing. One that is there may be others' too: it stays as it is."""
    wanted = Duration()
    wanted.FromTimedelta(retention)
    service = client.workflow_service
    try:
        await service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=policies.RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        await service.register_namespace(
            RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=wanted)
        )


async def ensure_sweeps(client: Client, *, attributes: bool, summaries: bool) -> None:
    """Create the schedules of the sweeps, or bring them to their present form.

    Args:
        attributes: whether the namespace has our search attributes.
        summaries: whether Temporal may read a line about each workflow.
    """
    for kind in KINDS:
        await _ensure(client, f"sweep-{kind}", _sweep(kind, attributes=attributes, summaries=summaries))


async def _ensure(client: Client, ident: str, schedule: Schedule) -> None:
    try:
        await client.create_schedule(ident, schedule)
    except ScheduleAlreadyRunningError:

        def replaced(_present: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(ident).update(replaced)


def _sweep(kind: str, *, attributes: bool, summaries: bool) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            SweepWorkflow.run,
            kind,
            id=f"sweep-{kind}",
            task_queue=CORE_QUEUE,
            execution_timeout=2 * policies.SWEEP_SHIFT,
            static_summary=ReadableText(f"Sweep: {kind}") if summaries else None,
            typed_search_attributes=(
                TypedSearchAttributes([SearchAttributePair(KIND, "sweep")])
                if attributes
                else TypedSearchAttributes.empty
            ),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=policies.SWEEP_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=policies.SWEEP_CATCH_UP),
    )
