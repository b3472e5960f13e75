"""What Temporal needs before work begins: a namespace that remembers, and the schedules of the sweeps."""

from collections.abc import Sequence
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
    "probes",
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
    if await namespace_id(client) is None:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=wanted)
        )


async def namespace_id(client: Client) -> str | None:
    """The UUID that the namespace was given when it was made: after Temporal lost its data there is another one.

    ``None`` when there is no such namespace. Raises RPCError.
    """
    try:
        found = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=policies.RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return None
    return found.namespace_info.id


async def ensure_sweeps(client: Client, *, attributes: bool, summaries: bool) -> None:
    """Create the schedules of the sweeps, or bring them to their present form.

    Args:
        attributes: whether the namespace has our search attributes.
        summaries: whether Temporal may read a line about each workflow.
    """
    for kind in KINDS:
        schedule = _sweep(kind, attributes=attributes, summaries=summaries)
        if not await _create(client, kind, schedule):
            await _replace(client, kind, schedule)


async def restore_sweeps(client: Client, *, attributes: bool, summaries: bool) -> Sequence[str]:
    """Create schedules that are missing; the others stay, as a newer version may have made them. Returns their ids."""
    restored = []
    for kind in await missing_sweeps(client):
        if await _create(client, kind, _sweep(kind, attributes=attributes, summaries=summaries)):
            restored.append(schedule_id(kind))
    return restored


async def missing_sweeps(client: Client) -> Sequence[str]:
    """The kinds without a schedule. Raises RPCError."""
    missing = []
    for kind in KINDS:
        try:
            await client.get_schedule_handle(schedule_id(kind)).describe(rpc_timeout=policies.RPC_TIMEOUT)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            missing.append(kind)
    return missing


def schedule_id(kind: str) -> str:
    """Of the schedule of one kind of sweep."""
    return f"sweep-{kind}"


async def _create(client: Client, kind: str, schedule: Schedule) -> bool:
    try:
        await client.create_schedule(schedule_id(kind), schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        return False
    return True


async def _replace(client: Client, kind: str, schedule: Schedule) -> None:
    def replaced(_present: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=schedule)

    handle = client.get_schedule_handle(schedule_id(kind))
    await handle.update(replaced)
    await handle.trigger()  # skipped where it runs; a shift may have ended while nobody was there


def _sweep(kind: str, *, attributes: bool, summaries: bool) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            SweepWorkflow.run,
            kind,
            id=schedule_id(kind),
            task_queue=CORE_QUEUE,
            execution_timeout=2 * policies.SWEEP_SHIFT,
            static_summary=ReadableText(f"Sweep: {kind}") if summaries else None,
            typed_search_attributes=(
                TypedSearchAttributes([SearchAttributePair(KIND, "sweep")])
                if attributes
                else TypedSearchAttributes.empty
            ),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=policies.SWEEP_START_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=policies.SWEEP_CATCH_UP),
    )
