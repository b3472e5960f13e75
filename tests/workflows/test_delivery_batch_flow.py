"""Deliveries in bulk: one activity for many, each item for itself, and nothing is left without a workflow."""

import asyncio
import threading
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from tests.workflows.fakes import QUEUE, Fakes

from certrail.domain.errors import BadInput
from certrail_sdk import Observation, RateLimited, Retryable, Unauthorized
from certrail_workflows import policies
from certrail_workflows.activities import delivery_batch
from certrail_workflows.activities.pace import HOPELESS
from certrail_workflows.flows.delivery_batch import DeliveryBatchWorkflow
from certrail_workflows.messages import CORE_QUEUE, DeliveryBatchInput

IDS = tuple(f"delivery-{number:02}" for number in range(40))


async def start(client: Client, name: str) -> WorkflowHandle[DeliveryBatchWorkflow, int]:
    return await client.start_workflow(
        DeliveryBatchWorkflow.run, DeliveryBatchInput(IDS, QUEUE), id=name, task_queue=CORE_QUEUE
    )


async def test_all_are_delivered_and_read_back_by_one_activity(client: Client, fakes: Fakes) -> None:
    async with fakes.workers(client):
        handle = await start(client, "delivery-batch-all")
        assert await handle.result() == len(IDS)
    batch = fakes.delivery_batch
    assert sorted(batch.recorded) == list(IDS)
    assert set(batch.seen.values()) == {True}
    assert (batch.failed, batch.apart) == ({}, {})
    assert len((await handle.fetch_history()).events) == 11


async def test_receipts_that_come_together_are_recorded_together(client: Client, fakes: Fakes) -> None:
    """All that are answered while a group commits are the next group."""
    answered = asyncio.Event()
    loop, first = asyncio.get_running_loop(), threading.Event()

    def completing() -> None:
        if not first.is_set():
            first.set()
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(20)

    async def last() -> None:
        answered.set()

    fakes.delivery_batch.completing = completing
    fakes.deliveries.tries.script = [*([None] * (len(IDS) - 1)), last]
    async with fakes.workers(client):
        await (await start(client, "delivery-batch-groups")).result()
    assert sorted(fakes.delivery_batch.recorded) == list(IDS)
    assert len(fakes.delivery_batch.groups) <= 4


async def test_what_fails_is_recorded_for_itself(client: Client, fakes: Fakes) -> None:
    fakes.deliveries.tries.script = [RateLimited("slow down"), None, Unauthorized("the token was refused")]
    async with fakes.workers(client):
        await (await start(client, "delivery-batch-failures")).result()
    batch = fakes.delivery_batch
    assert [failure.kind for failure in batch.failed.values()] == ["Unauthorized"]
    ((_, refused),) = batch.later.items()
    assert (refused.kind, refused.permanent, refused.nothing_written) == ("RateLimited", False, False)
    assert sorted([*batch.recorded, *batch.failed, *batch.later]) == list(IDS)
    assert batch.apart == {}


async def test_what_is_refused_for_its_rate_holds_no_place(client: Client, fakes: Fakes) -> None:
    fakes.deliveries.tries.script = [RateLimited("slow down", nothing_written=True) for _ in IDS]
    async with fakes.workers(client):
        await (await start(client, "delivery-batch-throttled")).result()
    batch = fakes.delivery_batch
    assert HOPELESS <= len(batch.later) < HOPELESS + delivery_batch.AT_ONCE
    assert {failure.nothing_written for failure in batch.later.values()} == {True}
    assert sorted([*batch.later, *batch.together]) == list(IDS), "the rest waits for the same time together"
    assert set(batch.together.values()) <= {failure.next_try_at for failure in batch.later.values()}
    assert (batch.recorded, batch.apart) == ([], {})


async def test_what_could_not_be_read_back_is_recorded_as_delivered(client: Client, fakes: Fakes) -> None:
    fakes.deliveries.observations = [Retryable("busy"), Observation(present=False)]
    async with fakes.workers(client):
        await (await start(client, "delivery-batch-unread")).result()
    assert sorted(fakes.delivery_batch.recorded) == list(IDS)
    assert list(fakes.delivery_batch.seen.values()).count(False) == 1


async def test_a_read_back_that_is_refused_for_its_rate_is_tried_again(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_batch, "READ_AGAIN", 0.01)
    fakes.deliveries.observations = [RateLimited("slow down"), RateLimited("slow down")]
    async with fakes.workers(client):
        await (await start(client, "delivery-batch-read-again")).result()
    batch = fakes.delivery_batch
    assert sorted(batch.recorded) == list(IDS)
    assert set(batch.seen.values()) == {True}
    assert len(batch.read) == 2
    assert batch.apart == {}


async def test_what_cannot_be_read_back_in_time_is_handed_over(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.deliveries.observations = [RateLimited("slow down", retry_after=timedelta(minutes=1))]
    async with fakes.workers(client):
        await asyncio.wait_for((await start(client, "delivery-batch-unread-later")).result(), 30)
    batch = fakes.delivery_batch
    assert sorted(batch.recorded) == list(IDS)
    assert list(batch.apart.values()) == [True]


async def test_a_call_for_an_older_generation_is_cancelled_and_handed_over(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_batch, "LOOK_EVERY", 0.01)
    fakes.deliveries.tries.script = [asyncio.Event().wait]  # type: ignore[list-item]
    fakes.delivery_batch.gone = {IDS[0]}
    async with fakes.workers(client):
        await asyncio.wait_for((await start(client, "delivery-batch-superseded")).result(), 30)
    batch = fakes.delivery_batch
    assert batch.apart == {IDS[0]: True}
    assert sorted(batch.recorded) == list(IDS[1:])


async def test_what_waits_behind_slow_calls_is_handed_over_untouched(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_batch, "BEGIN_WITHIN", 0.3)
    fakes.delivery_batch.chunk = 20
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    async def last() -> None:
        asyncio.get_running_loop().call_later(0.5, release.set)
        await release.wait()

    fakes.deliveries.tries.script = [*([slow] * (delivery_batch.AT_ONCE - 1)), last]
    async with fakes.workers(client):
        await asyncio.wait_for((await start(client, "delivery-batch-slow")).result(), 30)
    batch = fakes.delivery_batch
    assert len(batch.recorded) == delivery_batch.AT_ONCE
    assert sorted([*batch.recorded, *batch.apart]) == list(IDS)
    assert set(batch.apart.values()) == {False}, "no destination has them"


async def test_after_a_fault_of_our_own_all_have_their_own_workflows(client: Client, fakes: Fakes) -> None:
    fakes.delivery_batch.refusal = BadInput("canary-secret", "delivery")
    async with fakes.workers(client):
        with pytest.raises(WorkflowFailureError) as caught:
            await (await start(client, "delivery-batch-fault")).result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "DeliveryBatchFailed"
    assert fakes.delivery_batch.apart == dict.fromkeys(IDS, True)


async def test_a_queue_that_nobody_serves_is_not_waited_for(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policies.DELIVER_BATCH, "schedule_to_start_timeout", timedelta(seconds=1))
    async with fakes.workers(client, CORE_QUEUE):
        with pytest.raises(WorkflowFailureError):
            await (await start(client, "delivery-batch-unserved")).result()
    assert fakes.delivery_batch.apart == dict.fromkeys(IDS, True)
