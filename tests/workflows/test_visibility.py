"""Workflows are found in Temporal by Application, lineage and kind, with a line that a person can read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import pytest_asyncio
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError
from tests.workflows.fakes import INSTANT, Fakes

from certrail.crypto.keyring import Keyring
from certrail.services.core.orchestrator import OrchestratorUnavailable, OutboxMessage
from certrail.services.issuance.issuance import Advance
from certrail_workflows.client import TemporalOrchestrator, batch_id
from certrail_workflows.codec import ENCODING, ReadableText, data_converter
from certrail_workflows.search_attributes import ensure_search_attributes

T = TypeVar("T")
SUMMARY = "Issue a.example.com for payments"


def message(ident: str, application: str, summary: str = SUMMARY) -> OutboxMessage:
    return OutboxMessage(
        1,
        "issuance",
        f"issuance-{ident}",
        ident,
        application=application,
        lineage_id=f"lineage-{ident}",
        summary=summary,
    )


def readable(client: Client) -> Client:
    """What a person with Temporal's own tools sees: nothing is opened."""
    return Client(client.service_client, namespace=client.namespace)


async def eventually(look: Callable[[], Awaitable[T]]) -> T:
    """What a look finds once it finds something: no server tells by itself that it is ready."""
    async with asyncio.timeout(30):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0.05)


async def found(client: Client, query: str) -> list[WorkflowExecution]:
    """What a query finds, once it finds something: the server indexes a workflow after it answered its start."""

    async def look() -> list[WorkflowExecution]:
        return [one async for one in client.list_workflows(query)]

    return await eventually(look)


async def raw_summary(client: Client, workflow_id: str) -> bytes:
    """As the server keeps it."""
    request = DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    described = await client.workflow_service.describe_workflow_execution(request)
    return described.execution_config.user_metadata.summary.SerializeToString()


async def current_details(client: Client, workflow_id: str) -> str:
    """What Temporal's UI shows as the present wait."""
    metadata: WorkflowMetadata = await client.get_workflow_handle(workflow_id).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


async def test_a_workflow_is_found_by_what_it_is_about(
    address: str, client: Client, keyring: Keyring
) -> None:
    orchestrator = TemporalOrchestrator(address=address, namespace="default", keyring=keyring)
    await dispatched(orchestrator, message("found", "payments"))
    await dispatched(orchestrator, message("other", "shop"))
    for query in (
        'certrailApplication = "payments"',
        'certrailLineage = "lineage-found"',
        'certrailKind = "issuance" AND certrailApplication = "payments"',
    ):
        (listed,) = await found(client, query)
        assert listed.id == "issuance-found", query
    description = await readable(client).get_workflow_handle("issuance-found").describe()
    assert await description.static_summary() == SUMMARY
    assert SUMMARY.encode() in await raw_summary(client, "issuance-found"), "Temporal cannot read it"


async def test_a_batch_is_found_by_its_application_and_names_no_certificate(
    address: str, client: Client, keyring: Keyring
) -> None:
    orchestrator = TemporalOrchestrator(address=address, namespace="default", keyring=keyring)
    rows = [replace(message(ident, "bulk"), batch_key="bulk") for ident in ("one", "two")]
    await dispatched(orchestrator, *rows)
    (listed,) = await found(client, 'certrailApplication = "bulk" AND certrailKind = "issuance-batch"')
    assert listed.id == batch_id(rows)
    description = await readable(client).get_workflow_handle(listed.id).describe()
    assert await description.static_summary() == "Issue 2 certificates for bulk"
    await client.get_workflow_handle(listed.id).terminate()


async def test_the_wait_is_shown_and_its_input_is_not(
    address: str, client: Client, keyring: Keyring, fakes: Fakes
) -> None:
    fakes.issuance.steps = [Advance("waiting", INSTANT.replace(year=2126)), Advance("waiting")]
    orchestrator = TemporalOrchestrator(address=address, namespace="default", keyring=keyring)
    async with fakes.workers(client):
        await dispatched(orchestrator, message("waits", "waits"))
        await fakes.issuance.asked.get()
        strangers = await Client.connect(address)  # as Temporal's UI, which holds no key
        details = await eventually(lambda: current_details(strangers, "issuance-waits"))
        assert details == "Waits for approval, at the latest until 2126-01-01 00:00:00 UTC."
    history = await client.get_workflow_handle("issuance-waits").fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert [payload.metadata["encoding"] for payload in started.input.payloads] == [ENCODING]


async def test_without_summaries_temporal_reads_no_name(
    address: str, client: Client, keyring: Keyring
) -> None:
    orchestrator = TemporalOrchestrator(
        address=address, namespace="default", keyring=keyring, summaries=False
    )
    await dispatched(orchestrator, message("sealed", "sealed-summaries"))
    assert await raw_summary(client, "issuance-sealed") == b""
    sealed = await data_converter(keyring, readable=False).encode([ReadableText(SUMMARY)])
    assert SUMMARY.encode() not in sealed[0].SerializeToString()


async def test_a_plain_string_is_never_readable(keyring: Keyring) -> None:
    (sealed,) = await data_converter(keyring).encode([SUMMARY])
    assert SUMMARY.encode() not in sealed.SerializeToString()


async def test_a_long_name_does_not_keep_the_workflow_from_its_start(
    address: str, client: Client, keyring: Keyring
) -> None:
    orchestrator = TemporalOrchestrator(address=address, namespace="default", keyring=keyring)
    await dispatched(orchestrator, message("long", "long-names", "Issue " + "ü" * 300))
    (listed,) = await found(client, 'certrailApplication = "long-names"')
    summary = await (await readable(client).get_workflow_handle(listed.id).describe()).static_summary()
    assert (summary or "").startswith("Issue üü")


async def test_attributes_are_created_once_and_by_anybody(client: Client) -> None:
    assert await ensure_search_attributes(client)
    assert await ensure_search_attributes(client)


@pytest_asyncio.fixture(autouse=True)
async def nothing_left(client: Client) -> AsyncIterator[None]:
    """Ends what a test started: another test's worker holds another keyring, and could not open it."""
    yield
    for ident in ("found", "other", "waits", "sealed", "long"):
        with suppress(RPCError):
            await client.get_workflow_handle(f"issuance-{ident}").terminate()


async def dispatched(orchestrator: TemporalOrchestrator, *rows: OutboxMessage) -> None:
    """Started, however long a new search attribute takes to be known everywhere."""

    async def start() -> bool:
        with suppress(OrchestratorUnavailable):
            await (orchestrator.dispatch(*rows) if len(rows) == 1 else orchestrator.dispatch_together(rows))
            return True
        return False

    await eventually(start)
