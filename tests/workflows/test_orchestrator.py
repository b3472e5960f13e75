"""The orchestrator that the outbox talks to, against a real server."""

import socket
from collections.abc import Sequence
from datetime import timedelta

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from tests.workflows.fakes import Fakes

from certrail.crypto.keyring import Keyring
from certrail.services.core.orchestrator import OrchestratorUnavailable, OutboxMessage
from certrail.services.issuance.issuance import Advance
from certrail_sdk import Unauthorized
from certrail_workflows import policies
from certrail_workflows.client import TemporalOrchestrator, batch_id


@pytest.fixture
def orchestrator(address: str, keyring: Keyring) -> TemporalOrchestrator:
    return TemporalOrchestrator(address=address, namespace="default", keyring=keyring)


def message(flow: str, workflow_id: str, signal: str | None = None) -> OutboxMessage:
    plugin = None if flow == "issuance" else "destination-fake"
    return OutboxMessage(1, flow, workflow_id, "subject-1", plugin, signal)


async def test_a_start_that_is_sent_twice_starts_once(
    orchestrator: TemporalOrchestrator, client: Client, fakes: Fakes
) -> None:
    start = message("issuance", "issuance-twice")
    await orchestrator.dispatch(start)
    await orchestrator.dispatch(start)
    async with fakes.workers(client):
        assert await client.get_workflow_handle("issuance-twice").result() == "issued"
    await orchestrator.dispatch(start)
    await orchestrator.dispatch(message("issuance", "issuance-twice", signal="late"))
    assert await _status(client, "issuance-twice") == WorkflowExecutionStatus.COMPLETED
    assert fakes.issuance.attempts == 1


def batched(*requests: str, first: int = 1) -> list[OutboxMessage]:
    return [
        OutboxMessage(seq, "issuance", f"issuance-{request}", request, batch_key="issuance")
        for seq, request in enumerate(requests, start=first)
    ]


async def test_a_batch_that_is_sent_twice_starts_once(
    orchestrator: TemporalOrchestrator, client: Client, fakes: Fakes
) -> None:
    rows = batched("twice-1", "twice-2")
    async with fakes.workers(client):
        await orchestrator.dispatch_together(rows)
        await orchestrator.dispatch_together(rows[::-1])
        assert await finished(client, rows) == 2
        await orchestrator.dispatch_together(rows)
    assert fakes.issuance_batch.chunks == [("twice-1", "twice-2")]


async def test_requests_that_come_again_in_other_rows_are_another_batch(
    orchestrator: TemporalOrchestrator, client: Client, fakes: Fakes
) -> None:
    rows, again = batched("again-1", "again-2"), batched("again-1", "again-2", first=7)
    async with fakes.workers(client):
        for batch in (rows, again):
            await orchestrator.dispatch_together(batch)
            assert await finished(client, batch) == 2
    assert len(fakes.issuance_batch.chunks) == 2


async def finished(client: Client, rows: Sequence[OutboxMessage]) -> int:
    """The result of the batch of these rows."""
    result: int = await client.get_workflow_handle(batch_id(rows)).result()
    return result


async def test_a_signal_reaches_the_running_workflow(
    orchestrator: TemporalOrchestrator, client: Client, fakes: Fakes
) -> None:
    fakes.issuance.steps = [Advance("waiting"), Advance("issued")]
    async with fakes.workers(client):
        await orchestrator.dispatch(message("issuance", "issuance-signalled"))
        await fakes.issuance.asked.get()
        await orchestrator.dispatch(message("issuance", "issuance-signalled", signal="approved"))
        assert await client.get_workflow_handle("issuance-signalled").result() == "issued"


async def test_a_failed_message_may_be_started_again(
    orchestrator: TemporalOrchestrator, client: Client, fakes: Fakes
) -> None:
    fakes.notifications.tries.script = [Unauthorized("the token was refused")]
    async with fakes.workers(client):
        await orchestrator.dispatch(message("notification", "notification-again"))
        with pytest.raises(WorkflowFailureError):
            await client.get_workflow_handle("notification-again").result()
        await orchestrator.dispatch(message("notification", "notification-again"))
        await client.get_workflow_handle("notification-again").result()
    assert fakes.notifications.status == "sent"


async def test_a_new_desired_starts_a_delivery_that_had_ended(
    orchestrator: TemporalOrchestrator, client: Client, fakes: Fakes
) -> None:
    async with fakes.workers(client):
        for desired in ("certificate-1", "certificate-2"):
            fakes.deliveries.set_desired(desired)
            await orchestrator.dispatch(message("delivery", "delivery-wishes", signal=desired))
            await client.get_workflow_handle("delivery-wishes").result()
    assert fakes.deliveries.deployed == ["certificate-1", "certificate-2"]


async def test_nobody_at_the_address_is_reported_as_such(keyring: Keyring) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = TemporalOrchestrator(
            address=f"127.0.0.1:{probe.getsockname()[1]}", namespace="default", keyring=keyring
        )
        with pytest.raises(OrchestratorUnavailable, match="Nobody answers"):
            await nobody.dispatch(message("issuance", "issuance-nobody"))
        assert await nobody.health() is False


async def test_a_namespace_that_is_missing_is_the_clusters_fault(address: str, keyring: Keyring) -> None:
    elsewhere = TemporalOrchestrator(address=address, namespace="not-there", keyring=keyring)
    with pytest.raises(OrchestratorUnavailable, match="NOT_FOUND"):
        await elsewhere.dispatch(message("issuance", "issuance-elsewhere"))


async def test_a_row_without_its_plugin_is_the_rows_fault(orchestrator: TemporalOrchestrator) -> None:
    with pytest.raises(ValueError, match="names no plugin"):
        await orchestrator.dispatch(OutboxMessage(7, "delivery", "delivery-7", "subject-7"))


async def test_preparing_twice_leaves_one_sweep_and_a_foreign_namespace_as_it_is(
    orchestrator: TemporalOrchestrator, client: Client
) -> None:
    before = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    await orchestrator.prepare()
    await orchestrator.prepare(retention=timedelta(days=9))
    described = await client.get_schedule_handle("sweep-outbox").describe()
    assert [interval.every for interval in described.schedule.spec.intervals] == [policies.SWEEP_START_EVERY]
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    assert namespace.config == before.config
    assert before.config.workflow_execution_retention_ttl.ToTimedelta() != timedelta(days=9)
    await client.get_schedule_handle("sweep-outbox").delete()
    assert await orchestrator.health() is True


async def _status(client: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    return (await client.get_workflow_handle(workflow_id).describe()).status
