"""The client side: starts and signals workflows for the engine."""

import asyncio
import logging
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
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
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from certrail.crypto.keyring import Keyring
from certrail.services.orchestrator import OrchestratorUnavailable, OutboxMessage
from certrail_workflows.codec import sealed_converter
from certrail_workflows.messages import Subject
from certrail_workflows.policies import CONNECT_PATIENCE, CORE_QUEUE, OUTBOX_EVERY, RETENTION

log = logging.getLogger(__name__)

ONCE = frozenset({"issuance", "notification"})
"""Flows that run to one end; only a failed one may be started again under its id."""
UNAVAILABLE = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.NOT_FOUND,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.INTERNAL,
    }
)
"""Answers that say more about the cluster, or a namespace that is not there yet, than about the message."""


class TemporalOrchestrator:
    """Connects when it is first needed, and again after the cluster was away."""

    def __init__(self, *, address: str, namespace: str, keyring: Keyring) -> None:
        self.address = address
        self.namespace = namespace
        self._converter = sealed_converter(keyring)
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> Client:
        """The connected client. Raises OrchestratorUnavailable."""
        async with self._connecting:
            if self._client is None:
                try:
                    self._client = await asyncio.wait_for(
                        Client.connect(
                            self.address, namespace=self.namespace, data_converter=self._converter
                        ),
                        CONNECT_PATIENCE.total_seconds(),
                    )
                except (RuntimeError, OSError, RPCError, TimeoutError) as err:
                    raise OrchestratorUnavailable(
                        f"no Temporal at {self.address} ({type(err).__name__})"
                    ) from None
            return self._client

    async def dispatch(self, message: OutboxMessage) -> None:
        """Start or signal the workflow that a message names. Raises OrchestratorUnavailable."""
        client = await self.client()
        try:
            await client.start_workflow(
                message.flow,
                Subject(message.subject_id, f"plugin-{message.plugin}" if message.plugin else None),
                id=message.workflow_id,
                task_queue=CORE_QUEUE,
                id_reuse_policy=_reuse(message.flow),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
                if message.signal
                else WorkflowIDConflictPolicy.UNSPECIFIED,
                start_signal="changed" if message.signal else None,
                start_signal_args=[message.signal] if message.signal else [],
                rpc_timeout=timedelta(seconds=10),
            )
        except WorkflowAlreadyStartedError:
            # It runs or has run: what the message asks for is done.
            return
        except RPCError as err:
            if err.status in UNAVAILABLE:
                raise OrchestratorUnavailable(f"Temporal answered {err.status.name}") from None
            raise

    async def health(self) -> bool:
        """Whether the cluster answers for our namespace."""
        try:
            client = await self.client()
            request = DescribeNamespaceRequest(namespace=self.namespace)
            await client.workflow_service.describe_namespace(request, timeout=CONNECT_PATIENCE)
        except (OrchestratorUnavailable, RPCError):
            return False
        return True

    async def pollers(self, queue: str) -> int:
        """How many workers have polled a task queue lately."""
        client = await self.client()
        kinds = (
            (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
            if queue == CORE_QUEUE
            else (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,)
        )
        counts = []
        for kind in kinds:
            request = DescribeTaskQueueRequest(
                namespace=self.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
            )
            answer = await client.workflow_service.describe_task_queue(request)
            counts.append(len(answer.pollers))
        return min(counts)


def _reuse(flow: str) -> WorkflowIDReusePolicy:
    if flow in ONCE:
        return WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
    return WorkflowIDReusePolicy.ALLOW_DUPLICATE


async def ensure_namespace(client: Client, namespace: str, retention: timedelta = RETENTION) -> None:
    """Keep closed workflows as long as the design wants; the dev server forgets them after a day."""
    seconds = Duration(seconds=int(retention.total_seconds()))
    request = UpdateNamespaceRequest(
        namespace=namespace, config=NamespaceConfig(workflow_execution_retention_ttl=seconds)
    )
    await client.workflow_service.update_namespace(request)


async def ensure_schedules(client: Client) -> None:
    """Make the sweeps' schedules; those that exist stay as they are."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow("outbox-sweep", id="sweep-outbox", task_queue=CORE_QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=OUTBOX_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)),
    )
    try:
        await client.create_schedule("sweep-outbox", schedule)
    except ScheduleAlreadyRunningError:
        log.debug("the outbox sweep is scheduled already")
