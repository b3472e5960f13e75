"""The delivery workflow: how long it waits, what cuts a wait short, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fake_plugins import PLUGIN
from tests.workflows.fakes import INSTANT, PRIVATE_KEY, QUEUE, Fakes, task
from tests.workflows.waiting import planned

from certrail.domain.errors import BadInput
from certrail_sdk import Observation, RateLimited, Retryable, Unauthorized
from certrail_workflows import policies
from certrail_workflows.flows.delivery import DeliveryWorkflow
from certrail_workflows.messages import CORE_QUEUE, DeliveryResult

Handle = WorkflowHandle[Any, DeliveryResult]


async def start(client: Client, reference: str = "certificate-1", name: str = "delivery-1") -> Handle:
    return await client.start_workflow(
        DeliveryWorkflow.run,
        task("delivery-1"),
        id=name,
        task_queue=CORE_QUEUE,
        start_signal="changed",
        start_signal_args=[reference],
    )


async def test_a_delivery_is_brought_and_read_back(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result == DeliveryResult("delivered", verified=True)
    assert fakes.deliveries.deployed == ["certificate-1"]
    assert len(fakes.deliveries.tries.at) == 1


async def test_what_is_read_back_at_once_needs_one_activity_and_few_events(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    async with fakes.workers(skipping.client):
        handle = await start(skipping.client)
        await handle.result()
        events = (await handle.fetch_history()).events
    assert fakes.deliveries.looked == 1
    scheduled = [event for event in events if event.HasField("activity_task_scheduled_event_attributes")]
    assert len(scheduled) == 1
    assert len(events) <= 12, "the signal that started it is one of them"


async def test_a_read_back_that_fails_is_tried_again_and_loses_no_receipt(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.deliveries.observations = [Retryable("busy"), Retryable("still busy")]
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result == DeliveryResult("delivered", verified=True)
    assert fakes.deliveries.deployed == ["certificate-1"], "it is not deployed again"
    # The first one is no failure of the deploy; the second is that of the activity that reads back only.
    assert [failure.message for failure in fakes.deliveries.failures] == ["still busy"]


async def test_the_pause_that_a_plugin_asks_for_is_kept(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    fakes.deliveries.tries.script = [RateLimited("slow down", retry_after=timedelta(seconds=30))]
    async with fakes.workers(skipping.client):
        await (await start(skipping.client)).result()
    assert timedelta(seconds=30) <= fakes.deliveries.tries.gap() < timedelta(seconds=33)
    (failure,) = fakes.deliveries.failures
    assert (failure.kind, failure.plugin, failure.permanent) == ("RateLimited", PLUGIN, False)
    assert failure.next_try_at == INSTANT + timedelta(seconds=30)


async def test_without_a_desired_of_the_plugin_pauses_double(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.deliveries.tries.script = [Retryable("busy"), Retryable("busy"), Retryable("busy")]
    async with fakes.workers(skipping.client):
        await (await start(skipping.client)).result()
    gaps = [fakes.deliveries.tries.gap(i).total_seconds() for i in range(3)]
    assert gaps == pytest.approx([5, 10, 20], abs=3)


async def test_a_newer_desired_cuts_a_long_pause_short(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    deliveries = fakes.deliveries
    deliveries.tries.script = [RateLimited("slow down", retry_after=timedelta(hours=2))]
    async with fakes.workers(skipping.client):
        handle = await start(skipping.client)
        await planned(handle, 2)
        deliveries.set_desired("certificate-2")
        await handle.signal(DeliveryWorkflow.changed, "certificate-2")
        await handle.result()
    assert deliveries.deployed == ["certificate-2"]
    assert deliveries.tries.gap() < timedelta(minutes=1)


async def test_a_real_server_cancels_what_waits_for_its_next_attempt(client: Client, fakes: Fakes) -> None:
    """It says so in details of its own, which nobody sealed (``ACTIVITY_ID_NOT_STARTED``)."""
    fakes.deliveries.tries.script = [RateLimited("slow down", retry_after=timedelta(hours=2))]
    async with fakes.workers(client):
        handle = await start(client)
        await planned(handle, 2)
        fakes.deliveries.set_desired("certificate-2")
        await handle.signal(DeliveryWorkflow.changed, "certificate-2")
        await asyncio.wait_for(handle.result(), 60)
    assert fakes.deliveries.deployed == ["certificate-2"]


async def test_a_repeated_signal_changes_nothing(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    deliveries = fakes.deliveries
    deliveries.tries.script = [RateLimited("slow down", retry_after=timedelta(hours=2))]
    async with fakes.workers(skipping.client):
        handle = await start(skipping.client, "certificate-1")
        await planned(handle, 2)
        await handle.signal(DeliveryWorkflow.changed, "certificate-1")
        await handle.result()
    assert deliveries.tries.attempts == [1, 2]
    assert deliveries.tries.gap() >= timedelta(hours=2)


async def test_what_a_person_must_mend_ends_the_workflow(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    fakes.deliveries.tries.script = [Unauthorized("the token was refused")]
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
        assert result == DeliveryResult("failed")
        assert [f.permanent for f in fakes.deliveries.failures] == [True]
        again = await (await start(skipping.client, "retry-1")).result()
    assert again.status == "delivered"


async def test_a_refusal_of_our_own_ends_the_tries_and_is_recorded(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.deliveries.refusal = BadInput("The configuration is wrong. bucket: required", "bucket")
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result.status == "failed"
    assert [(f.kind, f.permanent) for f in fakes.deliveries.failures] == [("bad-input", True)]


async def test_a_plugin_bug_is_tried_five_times_and_tells_no_secret(
    skipping: WorkflowEnvironment, fakes: Fakes, caplog: pytest.LogCaptureFixture
) -> None:
    fakes.deliveries.tries.script = [KeyError(PRIVATE_KEY) for _ in range(9)]
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result.status == "failed"
    assert fakes.deliveries.tries.attempts == [1, 2, 3, 4, 5]
    last = fakes.deliveries.failures[-1]
    assert (last.kind, last.permanent) == ("PluginBug", True)
    assert PLUGIN in last.message
    assert "KeyError at fake_plugins.py:" in last.message
    assert PRIVATE_KEY not in repr(fakes.deliveries.failures) + caplog.text


async def test_what_fails_for_a_month_is_given_up_on_record(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.deliveries.tries.script = [Retryable("down", retry_after=timedelta(days=7)) for _ in range(9)]
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result.status == "failed"
    assert fakes.deliveries.failures[-1].kind == "OutOfTime"


async def test_another_certificate_at_the_destination_is_replaced_after_a_pause(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    other = Observation(present=True, fingerprint="cd")
    fakes.deliveries.observations = [other, other]
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result == DeliveryResult("delivered", verified=True)
    gaps = [fakes.deliveries.tries.gap(i) for i in range(2)]
    assert gaps[0] >= policies.backoff(1)
    assert gaps[1] >= policies.backoff(2)


async def test_a_desired_during_a_try_lets_it_finish_and_is_delivered_after_it(
    client: Client, fakes: Fakes
) -> None:
    """A thread of a vendor SDK cannot be stopped: the older write must be over before the newer begins."""
    deliveries = fakes.deliveries
    go_on, running = asyncio.Event(), [0]
    deliveries.tries.script = [_only_one(running, go_on), _only_one(running, go_on)]
    async with fakes.workers(client):
        handle = await start(client, name="delivery-overlap")
        await deliveries.tries.reached(1)
        deliveries.set_desired("certificate-2")
        await handle.signal(DeliveryWorkflow.changed, "certificate-2")
        await _cancel_requested(handle)
        go_on.set()
        result = await handle.result()
    assert result.status == "delivered"
    assert deliveries.deployed == ["certificate-1", "certificate-2"]


async def test_a_result_and_a_desired_that_arrive_together_are_both_received(
    client: Client, fakes: Fakes
) -> None:
    deliveries = fakes.deliveries
    async with fakes.workers(client, QUEUE):
        async with fakes.workers(client, CORE_QUEUE):
            go_on = asyncio.Event()
            deliveries.tries.script = [_wait_for(go_on)]
            handle = await start(client, name="delivery-together")
            await deliveries.tries.reached(1)
        deliveries.set_desired("certificate-2")
        await handle.signal(DeliveryWorkflow.changed, "certificate-2")
        go_on.set()
        await _event(handle, "activity_task_completed")
        async with fakes.workers(client, CORE_QUEUE):
            result = await handle.result()
    assert result.status == "delivered"
    assert deliveries.delivered == "certificate-2"


async def test_what_is_to_leave_goes_after_the_new_one_is_there_and_each_by_itself(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    retirements = fakes.deliveries.retirements
    fakes.deliveries.tries.script = [Retryable("busy")]
    retirements.due = ["busy", "refused", "free"]
    in_use = Retryable("in use", retry_after=timedelta(hours=2))
    retirements.tries.script = [in_use, None, Unauthorized("not ours")]
    async with fakes.workers(skipping.client):
        result = await skipping.client.execute_workflow(
            DeliveryWorkflow.run, task("delivery-1"), id="d", task_queue=CORE_QUEUE
        )
    assert result.status == "delivered"
    assert fakes.deliveries.deployed == ["certificate-1"]
    failed, succeeded = fakes.deliveries.tries.at
    assert failed < succeeded <= retirements.tries.at[0], "nothing leaves before the new one is there"
    assert retirements.gone == ["refused", "busy"], "what is in use holds up no other"
    assert [failure.kind for failure in retirements.failures] == ["Retryable", "Unauthorized"]
    assert retirements.tries.gap(2) >= timedelta(hours=2)


async def test_what_stays_in_use_keeps_nobody_from_looking_at_the_new_one(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    """For a month: then the removal is given up, and the delivery is as good as it was."""
    retirements = fakes.deliveries.retirements
    retirements.due = ["used", "free"]
    in_use = Retryable("in use", retry_after=timedelta(days=1))
    retirements.tries.script = [in_use, None, *(in_use for _ in range(40))]
    async with fakes.workers(skipping.client):
        result = await (await start(skipping.client)).result()
    assert result == DeliveryResult("delivered", verified=True)
    assert fakes.deliveries.looked == 1
    assert not fakes.deliveries.failures
    assert retirements.gone == ["free"]
    assert (retirements.failures[-1].kind, retirements.failures[-1].permanent) == ("OutOfTime", True)


async def test_a_newer_desired_does_not_wait_for_what_stays_in_use(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    deliveries, retirements = fakes.deliveries, fakes.deliveries.retirements
    retirements.due = ["used"]
    retirements.tries.script = [Retryable("in use", retry_after=timedelta(hours=5))]
    async with fakes.workers(skipping.client):
        handle = await start(skipping.client)
        await planned(handle, 2)
        deliveries.set_desired("certificate-2")
        await handle.signal(DeliveryWorkflow.changed, "certificate-2")
        await handle.result()
    assert deliveries.deployed == ["certificate-1", "certificate-2"]
    assert deliveries.looked == 2
    assert retirements.gone == ["used"]


def _wait_for(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        await event.wait()

    return wait


def _only_one(running: list[int], go_on: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        running[0] += 1
        assert running[0] == 1, "two tries write at once"
        await go_on.wait()
        running[0] -= 1

    return work


async def _cancel_requested(handle: Handle) -> None:
    await _event(handle, "activity_task_cancel_requested")


async def _event(handle: Handle, kind: str) -> None:
    """Wait until the history holds an event, asking the server, which answers when something is new."""
    async with asyncio.timeout(20):
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.HasField(f"{kind}_event_attributes"):  # type: ignore[arg-type]
                return
