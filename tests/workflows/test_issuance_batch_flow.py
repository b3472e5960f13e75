"""The workflow of a batch: chunk by chunk to its end, and what it cannot issue gets its own workflow."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import Fakes

from certrail_workflows import policies
from certrail_workflows.flows.issuance_batch import IssuanceBatchWorkflow
from certrail_workflows.messages import CORE_QUEUE, IssuanceBatchInput

IDS = tuple(f"request-{number}" for number in range(100))


async def start(client: Client, name: str = "batch") -> WorkflowHandle[IssuanceBatchWorkflow, int]:
    return await client.start_workflow(
        IssuanceBatchWorkflow.run, IssuanceBatchInput(IDS), id=name, task_queue=CORE_QUEUE
    )


async def test_a_hundred_requests_have_six_events(client: Client, fakes: Fakes) -> None:
    async with fakes.workers(client, CORE_QUEUE):
        handle = await start(client, "batch-six")
        assert await handle.result() == 100
    assert fakes.issuance_batch.chunks == [IDS]
    assert len((await handle.fetch_history()).events) == 6


async def test_what_a_chunk_leaves_is_the_next_chunk(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    fakes.issuance_batch.steps = [37, 60, 100]
    async with fakes.workers(skipping.client, CORE_QUEUE):
        handle = await start(skipping.client)
        assert await handle.result() == 100
    assert fakes.issuance_batch.chunks == [IDS, IDS[37:], IDS[97:]]
    assert fakes.issuance_batch.apart == []
    history = await handle.fetch_history()
    assert not any(event.HasField("timer_started_event_attributes") for event in history.events)


async def test_after_a_fault_what_is_left_has_its_own_workflows(
    client: Client, fakes: Fakes, quick_retries: None
) -> None:
    fakes.issuance_batch.steps = [37, ValueError("canary-secret")]
    async with fakes.workers(client, CORE_QUEUE):
        with pytest.raises(WorkflowFailureError) as caught:
            await (await start(client, "batch-fault")).result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "IssuanceBatchFailed"
    assert fakes.issuance_batch.apart == list(IDS[37:])
    assert len(fakes.issuance_batch.chunks) == 1 + policies.ENGINE_ATTEMPTS


async def test_a_database_that_is_away_is_waited_for(
    client: Client, fakes: Fakes, quick_retries: None
) -> None:
    away = [ConnectionError("no route") for _ in range(policies.ENGINE_ATTEMPTS + 5)]
    fakes.issuance_batch.steps = [37, *away, 100]
    async with fakes.workers(client, CORE_QUEUE):
        assert await asyncio.wait_for((await start(client, "batch-away")).result(), 30) == 100
    assert fakes.issuance_batch.apart == []


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policies.OWN_STEP["retry_policy"]
    assert policy is not None
    shorter = replace(
        policy, initial_interval=timedelta(milliseconds=1), maximum_interval=timedelta(milliseconds=5)
    )
    monkeypatch.setitem(policies.OWN_STEP, "retry_policy", shorter)
