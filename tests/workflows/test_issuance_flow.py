"""The issuance workflow: it waits for people, and never for nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import Fakes

from certrail.services.issuance.issuance import Advance
from certrail_workflows import policies
from certrail_workflows.flows.issuance import IssuanceWorkflow
from certrail_workflows.messages import CORE_QUEUE, IssuanceInput


async def start(client: Client, name: str = "issuance-1") -> WorkflowHandle[IssuanceWorkflow, str]:
    return await client.start_workflow(
        IssuanceWorkflow.run, IssuanceInput("request-1"), id=name, task_queue=CORE_QUEUE
    )


async def test_an_issuance_without_waiting_has_six_events(client: Client, fakes: Fakes) -> None:
    async with fakes.workers(client, CORE_QUEUE):
        handle = await start(client, "issuance-six")
        assert await handle.result() == "issued"
    assert len((await handle.fetch_history()).events) == 6


async def test_it_looks_again_when_the_approval_asks_for_it(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    before = await skipping.get_current_time()
    fakes.issuance.steps = [Advance("waiting", before + timedelta(days=3)), Advance("expired")]
    async with fakes.workers(skipping.client, CORE_QUEUE):
        assert await (await start(skipping.client)).result() == "expired"
    waited = await skipping.get_current_time() - before
    assert timedelta(days=3) <= waited < timedelta(days=3, minutes=1)
    assert fakes.issuance.attempts == 2


async def test_a_instant_that_has_passed_does_not_make_it_spin(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    before = await skipping.get_current_time()
    past = Advance("waiting", before - timedelta(hours=1))
    fakes.issuance.steps = [past, past, past, Advance("issued")]
    async with fakes.workers(skipping.client, CORE_QUEUE):
        await (await start(skipping.client)).result()
    assert await skipping.get_current_time() - before >= 3 * policies.SHORTEST_PAUSE


async def test_a_decision_wakes_it(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    before = await skipping.get_current_time()
    fakes.issuance.steps = [Advance("waiting", before + timedelta(days=3)), Advance("issued")]
    async with fakes.workers(skipping.client, CORE_QUEUE):
        handle = await start(skipping.client)
        await asyncio.wait_for(fakes.issuance.asked.get(), 20)
        await handle.signal(IssuanceWorkflow.changed, "approval-approved")
        assert await handle.result() == "issued"
    history = await handle.fetch_history()
    assert not any(event.HasField("timer_fired_event_attributes") for event in history.events)


async def test_a_failed_request_fails_the_workflow(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    fakes.issuance.steps = [Advance("failed")]
    async with fakes.workers(skipping.client, CORE_QUEUE):
        with pytest.raises(WorkflowFailureError) as caught:
            await (await start(skipping.client)).result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "IssuanceFailed"
    assert fakes.issuance.reasons == []


async def test_an_unknown_fault_is_tried_ten_times_and_recorded(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.issuance.steps = [ValueError("canary-secret")]
    monkeypatch.setitem(policies.OWN_STEP, "retry_policy", _quick())
    async with fakes.workers(client, CORE_QUEUE):
        with pytest.raises(WorkflowFailureError):
            await (await start(client, "issuance-fault")).result()
    assert fakes.issuance.attempts == policies.ENGINE_ATTEMPTS
    (reason,) = fakes.issuance.reasons
    assert "canary" not in reason


async def test_a_database_that_is_away_is_waited_for(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    away: list[Advance | Exception] = [
        ConnectionError("no route") for _ in range(policies.ENGINE_ATTEMPTS + 5)
    ]
    fakes.issuance.steps = [*away, Advance("issued")]
    monkeypatch.setitem(policies.OWN_STEP, "retry_policy", _quick())
    async with fakes.workers(client, CORE_QUEUE):
        assert await asyncio.wait_for((await start(client, "issuance-away")).result(), 30) == "issued"
    assert fakes.issuance.reasons == []


def _quick() -> object:
    policy = policies.OWN_STEP["retry_policy"]
    assert policy is not None
    return replace(
        policy, initial_interval=timedelta(milliseconds=1), maximum_interval=timedelta(milliseconds=5)
    )
