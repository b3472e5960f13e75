"""The orchestrator that the services see: starts and signals workflows, and knows when it cannot."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from certrail.services.core.orchestrator import OrchestratorUnavailable, OutboxMessage, WorkflowStart
from certrail_workflows import policies
from certrail_workflows.codec import ReadableText, Seals, data_converter
from certrail_workflows.flows.approval_message import ApprovalMessageWorkflow
from certrail_workflows.flows.crl_mirror import CrlMirrorWorkflow
from certrail_workflows.flows.delivery import DeliveryWorkflow
from certrail_workflows.flows.delivery_batch import DeliveryBatchWorkflow
from certrail_workflows.flows.issuance import IssuanceWorkflow
from certrail_workflows.flows.issuance_batch import IssuanceBatchWorkflow
from certrail_workflows.flows.notification import NotificationWorkflow
from certrail_workflows.flows.renewal import RenewalWorkflow
from certrail_workflows.flows.revocation import RevocationWorkflow
from certrail_workflows.flows.signals import ChangeSignals
from certrail_workflows.flows.validation import ValidationWorkflow
from certrail_workflows.messages import (
    CORE_QUEUE,
    DeliveryBatchInput,
    IssuanceBatchInput,
    IssuanceInput,
    PluginTaskInput,
    RenewalInput,
    RevocationInput,
    ValidationInput,
    plugin_queue,
)
from certrail_workflows.search_attributes import ensure_search_attributes, search_attributes
from certrail_workflows.setup import (
    ensure_namespace,
    ensure_sweeps,
    missing_sweeps,
    namespace_id,
    restore_sweeps,
    schedule_id,
)

log = logging.getLogger(__name__)

_FLOWS: Mapping[str, type] = {
    "issuance": IssuanceWorkflow,
    "revocation": RevocationWorkflow,
    "renewal": RenewalWorkflow,
    "validation": ValidationWorkflow,
    "delivery": DeliveryWorkflow,
    "notification": NotificationWorkflow,
    "approval-message": ApprovalMessageWorkflow,
    "mirror": CrlMirrorWorkflow,
}
_BATCHES: Mapping[str, tuple[type, str]] = {
    "issuance": (IssuanceBatchWorkflow, "Issue {} certificates"),
    "delivery": (DeliveryBatchWorkflow, "Deliver {} certificates"),
}
"""By flow: the workflow that does it for many, and what it does."""
_ONCE = frozenset({"issuance", "notification", "renewal", "revocation", "validation"})
"""Flows whose success is final: a message that comes again must not start them again, unless it is a `rerun`."""
_RUNNING = frozenset({WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW})
_ENDED_FROM_OUTSIDE = frozenset({WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.CANCELED})
LOOK_UPS = 10
"""Workflows that are looked up at the same time."""
_FAULT_OF_THE_MESSAGE = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.ALREADY_EXISTS, RPCStatusCode.OUT_OF_RANGE}
)


@dataclass(frozen=True)
class Credentials:
    """How a cluster is reached that does not trust its network, such as Temporal Cloud.

    Attributes:
        use_tls: with an API key or a certificate it is on by itself.
        ca_file: PEM of the authority that signed the cluster's certificate; left out, the system's.
        certificate_file: PEM of our own certificate, for mutual TLS; read anew at each connection.
        key_file: PEM of its key.
    """

    use_tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    api_key: str | None = field(default=None, repr=False)

    def tls(self) -> TLSConfig | bool:
        """As the client takes it. Raises OSError for a file that cannot be read."""
        if not (self.use_tls or self.api_key or self.ca_file or self.certificate_file):
            return False
        return TLSConfig(
            server_root_ca_cert=self.ca_file.read_bytes() if self.ca_file else None,
            client_cert=self.certificate_file.read_bytes() if self.certificate_file else None,
            client_private_key=self.key_file.read_bytes() if self.key_file else None,
        )


NO_CREDENTIALS = Credentials()


class TemporalOrchestrator:
    """Connects when it is first needed, and again after the connection was lost.

    Args:
        summaries: whether Temporal may read one line about each workflow, with the names of certificates.
    """

    def __init__(
        self,
        *,
        address: str,
        namespace: str,
        keyring: Seals,
        summaries: bool = True,
        credentials: Credentials = NO_CREDENTIALS,
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._namespace = namespace
        self._summaries = summaries
        self._converter = data_converter(keyring, readable=summaries)
        self._attributes: bool | None = None
        self._identity: str | None = None
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> Client:
        """The connection.

        Raises:
            OrchestratorUnavailable: nobody answers at the address.
        """
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def prepare(self, retention: timedelta = policies.RETENTION) -> None:
        """Make sure that there is the namespace, and that it has our search attributes and runs the sweeps.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        client = await self.client()
        try:
            await ensure_namespace(client, retention)
            attributes = await self._attributed(client)
            await ensure_sweeps(client, attributes=attributes, summaries=self._summaries)
        except RPCError as error:
            raise self._unavailable(error) from error

    async def identity(self) -> str | None:
        """The id of the namespace; ``None`` when there is no such namespace.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        client = await self.client()
        try:
            found = await namespace_id(client)
        except RPCError as error:
            raise self._unavailable(error) from error
        if found != self._identity:
            # Another store has not the search attributes of the earlier one.
            self._identity, self._attributes = found, None
        return found

    async def ensure(self) -> Sequence[str]:
        """Make namespace, search attributes and schedules that are missing; returns the ids of those schedules.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        client = await self.client()
        try:
            await ensure_namespace(client, policies.RETENTION)
            attributes = await self._attributed(client)
            return await restore_sweeps(client, attributes=attributes, summaries=self._summaries)
        except RPCError as error:
            raise self._unavailable(error) from error

    async def missing_schedules(self) -> Sequence[str]:
        """Ids of the schedules that should be there. Raises OrchestratorUnavailable."""
        client = await self.client()
        try:
            return [schedule_id(kind) for kind in await missing_sweeps(client)]
        except RPCError as error:
            raise self._unavailable(error) from error

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        """Ids of those of these workflows that do not run and may be started again.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        client, gate = await self.client(), asyncio.Semaphore(LOOK_UPS)
        try:
            found = await asyncio.gather(*(_is_lost(client, gate, start) for start in starts))
        except RPCError as error:
            raise self._unavailable(error) from error
        return {start.workflow_id for start, lost in zip(starts, found, strict=True) if lost}

    async def dispatch(self, message: OutboxMessage) -> None:
        """Start or signal the workflow of an outbox row. Doing so twice is harmless.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        await self._start(message.workflow_id, partial(_start, message=message))

    async def dispatch_together(self, messages: Sequence[OutboxMessage]) -> None:
        """Start the batch of these messages. Doing so twice is harmless.

        Raises:
            OrchestratorUnavailable: try again later.
        """
        await self._start(batch_id(messages), partial(_start_batch, messages=messages))

    async def _start(self, workflow_id: str, start: Callable[..., Awaitable[None]]) -> None:
        client = await self.client()
        try:
            await start(client, attributes=await self._attributed(client), summaries=self._summaries)
        except WorkflowAlreadyStartedError:
            log.debug("%s was started before", workflow_id)
        except RPCError as error:
            if _is_new_attribute(error):
                self._attributes = None
            elif error.status in _FAULT_OF_THE_MESSAGE:
                raise
            raise self._unavailable(error) from error

    async def health(self) -> bool:
        """Whether workflows can be started now."""
        try:
            client = await self.client()
            return await client.service_client.check_health(timeout=policies.RPC_TIMEOUT)
        except (OrchestratorUnavailable, RPCError):
            return False

    async def _attributed(self, client: Client) -> bool:
        """Whether workflows carry search attributes; looked up once a process."""
        if self._attributes is None:
            self._attributes = await ensure_search_attributes(client)
        return self._attributes

    async def _connect(self) -> Client:
        try:
            return await Client.connect(
                self._address,
                namespace=self._namespace,
                data_converter=self._converter,
                tls=self._credentials.tls(),
                api_key=self._credentials.api_key,
                connect_timeout=policies.RPC_TIMEOUT,
            )
        except OSError as error:
            raise OrchestratorUnavailable(
                f"A file of the settings CERTRAIL_TEMPORAL_TLS_* cannot be read: {error.strerror}."
            ) from error
        except (RuntimeError, RPCError) as error:
            raise OrchestratorUnavailable(
                f"Nobody answers as Temporal at {self._address}. Start it, or correct its address."
            ) from error

    def _unavailable(self, error: RPCError) -> OrchestratorUnavailable:
        return OrchestratorUnavailable(
            f"Temporal at {self._address} says {error.status.name}: {error.message}"
        )


async def _is_lost(client: Client, gate: asyncio.Semaphore, start: WorkflowStart) -> bool:
    """Whether a workflow is not there, was ended from outside, or ended by itself a while ago with its object open."""
    async with gate:
        try:
            found = await client.get_workflow_handle(start.workflow_id).describe(
                rpc_timeout=policies.RPC_TIMEOUT
            )
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return True
            raise
    if found.status in _RUNNING:
        return False
    if found.status in _ENDED_FROM_OUTSIDE:
        return True
    # One that fails by itself would fail again at once. One that succeeded has its object open only if the database is
    # older than the workflow: a restored backup.
    return found.close_time is not None and datetime.now(UTC) - found.close_time > policies.LONGEST_WAIT


def _is_new_attribute(error: RPCError) -> bool:
    """Whether a part of the cluster has not heard yet of a search attribute that was just created."""
    return "search attribute" in error.message.lower()


async def _start(client: Client, message: OutboxMessage, *, attributes: bool, summaries: bool) -> None:
    await client.start_workflow(
        _FLOWS[message.flow].__name__,
        _input(message),
        id=message.workflow_id,
        task_queue=CORE_QUEUE,
        id_reuse_policy=_reuse(message),
        start_signal=ChangeSignals.changed.__name__ if message.signal else None,
        start_signal_args=[message.signal] if message.signal else [],
        static_summary=_summary(message.summary) if summaries else None,
        search_attributes=(
            search_attributes(message.flow, message.application, message.lineage_id) if attributes else None
        ),
        rpc_timeout=policies.RPC_TIMEOUT,
    )


async def _start_batch(
    client: Client, messages: Sequence[OutboxMessage], *, attributes: bool, summaries: bool
) -> None:
    flow, application = messages[0].flow, messages[0].application
    batch, what = _BATCHES[flow]
    summary = what.format(len(messages)) + (f" for {application}" if application else "")
    await client.start_workflow(
        batch.__name__,
        _batch_input(messages),
        id=batch_id(messages),
        task_queue=CORE_QUEUE,
        # The same rows again: a batch that ended has left none of them behind.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        static_summary=_summary(summary) if summaries else None,
        # Found by the kind "issuance-batch" or "delivery-batch".
        search_attributes=search_attributes(f"{flow}-batch", application) if attributes else None,
        rpc_timeout=policies.RPC_TIMEOUT,
    )


def batch_id(messages: Sequence[OutboxMessage]) -> str:
    """Made of the rows, so that the same rows reach the same batch; a request that is retried comes in another row."""
    rows = ",".join(sorted(f"{message.seq}:{message.workflow_id}" for message in messages))
    return f"{messages[0].flow}-batch-{hashlib.sha256(rows.encode()).hexdigest()[:32]}"


def _batch_input(messages: Sequence[OutboxMessage]) -> IssuanceBatchInput | DeliveryBatchInput:
    subjects = tuple(message.subject_id for message in messages)
    if messages[0].flow == "issuance":
        return IssuanceBatchInput(subjects)
    return DeliveryBatchInput(subjects, _queue(messages[0]))


def _queue(message: OutboxMessage) -> str:
    if message.plugin is None:
        raise ValueError(f"The outbox row {message.seq} for {message.workflow_id} names no plugin.")
    return plugin_queue(message.plugin)


def _summary(text: str) -> ReadableText | None:
    # Cut by bytes: Temporal refuses a summary over 400 of them, and names need not be ASCII.
    cut = text.encode()[: policies.LONGEST_SUMMARY].decode(errors="ignore")
    return ReadableText(cut) if cut else None


def _input(
    message: OutboxMessage,
) -> IssuanceInput | RenewalInput | RevocationInput | ValidationInput | PluginTaskInput:
    if message.flow == "issuance":
        return IssuanceInput(message.subject_id)
    if message.flow == "revocation":
        return RevocationInput(message.subject_id)
    if message.flow == "validation":
        return ValidationInput(message.subject_id)
    if message.flow == "renewal":
        # The id is renewal-{lineage}-{round}: a round has no row of its own.
        return RenewalInput(message.subject_id, int(message.workflow_id.rpartition("-")[2]))
    return PluginTaskInput(message.subject_id, _queue(message))


def _reuse(message: OutboxMessage) -> WorkflowIDReusePolicy:
    if message.flow in _ONCE and not message.rerun:
        return WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
    return WorkflowIDReusePolicy.ALLOW_DUPLICATE
