"""Messages, questions and the sweep of the outbox."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import Fakes, task
from tests.workflows.waiting import planned

from certrail_sdk import Retryable, Unauthorized
from certrail_workflows import policies
from certrail_workflows.flows.approval_message import ApprovalMessageWorkflow
from certrail_workflows.flows.crl_mirror import CrlMirrorWorkflow
from certrail_workflows.flows.notification import NotificationWorkflow
from certrail_workflows.flows.sweep import SweepWorkflow
from certrail_workflows.messages import CORE_QUEUE


async def test_a_message_is_sent_again_until_it_gets_through(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.notifications.tries.script = [
        Retryable("busy"),
        Retryable("busy", retry_after=timedelta(minutes=3)),
    ]
    async with fakes.workers(skipping.client):
        await skipping.client.execute_workflow(
            NotificationWorkflow.run, task("notification-1"), id="n", task_queue=CORE_QUEUE
        )
    assert fakes.notifications.status == "sent"
    assert fakes.notifications.tries.gap(1) >= timedelta(minutes=3)


async def test_a_message_that_cannot_be_sent_fails_so_that_it_may_be_started_again(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.notifications.tries.script = [Unauthorized("the token was refused")]
    async with fakes.workers(skipping.client):
        with pytest.raises(WorkflowFailureError):
            await skipping.client.execute_workflow(
                NotificationWorkflow.run, task("notification-1"), id="n", task_queue=CORE_QUEUE
            )
    assert [f.kind for f in fakes.notifications.failures] == ["Unauthorized"]


async def test_a_message_that_fails_for_days_is_given_up_on_record(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.notifications.tries.script = [Retryable("down", retry_after=timedelta(days=1)) for _ in range(9)]
    async with fakes.workers(skipping.client):
        with pytest.raises(WorkflowFailureError):
            await skipping.client.execute_workflow(
                NotificationWorkflow.run, task("notification-1"), id="n", task_queue=CORE_QUEUE
            )
    assert fakes.notifications.failures[-1].kind == "OutOfTime"
    assert fakes.notifications.status == "failed"


async def test_a_list_is_published_again_until_it_gets_through(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.mirrors.tries.script = [Retryable("busy"), Retryable("busy", retry_after=timedelta(hours=3))]
    async with fakes.workers(skipping.client):
        await skipping.client.execute_workflow(
            CrlMirrorWorkflow.run, task("copy-1"), id="mirror-again", task_queue=CORE_QUEUE
        )
    assert fakes.mirrors.there == 1
    assert fakes.mirrors.tries.gap(1) >= timedelta(hours=3)


async def test_a_newer_list_does_not_wait_for_an_older_one(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    fakes.mirrors.tries.script = [Retryable("busy", retry_after=timedelta(days=3))]
    async with fakes.workers(skipping.client):
        handle = await skipping.client.start_workflow(
            CrlMirrorWorkflow.run, task("copy-1"), id="mirror-newer", task_queue=CORE_QUEUE
        )
        await planned(handle, 2)
        fakes.mirrors.number = 2
        await handle.signal(CrlMirrorWorkflow.changed, "2")
        await handle.result()
    assert fakes.mirrors.there == 2
    assert fakes.mirrors.tries.gap() < timedelta(days=1)


async def test_a_list_that_is_refused_or_never_gets_through_ends_on_record(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    weekly = [Retryable("down", retry_after=timedelta(days=7)) for _ in range(6)]
    async with fakes.workers(skipping.client):
        for number, script in enumerate(([Unauthorized("no")], weekly)):
            fakes.mirrors.tries.script = [*script]  # type: ignore[misc]
            await skipping.client.execute_workflow(
                CrlMirrorWorkflow.run, task("copy-1"), id=f"mirror-{number}", task_queue=CORE_QUEUE
            )
    kinds = [failure.kind for failure in fakes.mirrors.failures]
    assert (kinds[0], kinds[-1]) == ("Unauthorized", "OutOfTime")


async def test_a_question_follows_its_approval_until_it_closes(client: Client, fakes: Fakes) -> None:
    questions = fakes.approval_messages
    async with fakes.workers(client):
        handle = await client.start_workflow(
            ApprovalMessageWorkflow.run, task("copy-1"), id="approval-message-follows", task_queue=CORE_QUEUE
        )
        await questions.tries.reached(1)
        questions.status = "1 of 2"
        await handle.signal(ApprovalMessageWorkflow.changed, "vote-1")
        await questions.tries.reached(2)
        questions.status, questions.closed = "approved", True
        await handle.signal(ApprovalMessageWorkflow.changed, "vote-2")
        await handle.result()
    assert questions.notifier.shown == [("ask", "open"), ("post-1", "1 of 2"), ("post-1", "approved")]


async def test_a_question_that_cannot_be_shown_waits_for_the_next_change(
    client: Client, fakes: Fakes
) -> None:
    questions = fakes.approval_messages
    questions.tries.script = [Unauthorized("the token was refused")]
    async with fakes.workers(client):
        handle = await client.start_workflow(
            ApprovalMessageWorkflow.run, task("copy-1"), id="approval-message-refused", task_queue=CORE_QUEUE
        )
        await questions.tries.reached(1)
        questions.status, questions.closed = "expired", True
        await handle.signal(ApprovalMessageWorkflow.changed, "expired")
        await handle.result()
    assert [f.kind for f in questions.failures] == ["Unauthorized"]
    assert questions.notifier.shown == [("ask", "expired")]


async def test_a_question_that_nobody_changes_does_not_run_for_ever(
    skipping: WorkflowEnvironment, fakes: Fakes
) -> None:
    before = await skipping.get_current_time()
    async with fakes.workers(skipping.client):
        await skipping.client.execute_workflow(
            ApprovalMessageWorkflow.run, task("copy-1"), id="q", task_queue=CORE_QUEUE
        )
    assert await skipping.get_current_time() - before >= policies.QUESTION_IDLE


async def test_a_sweep_looks_again_and_again_and_ends_with_its_worker(
    client: Client, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SWEEP_EVERY", timedelta(milliseconds=10))
    monkeypatch.setattr(policies, "SWEEP_SHIFT", timedelta(milliseconds=50))
    async with fakes.workers(client, CORE_QUEUE):
        sent = await client.execute_workflow(SweepWorkflow.run, "outbox", id="sweep", task_queue=CORE_QUEUE)
    assert sent == fakes.drained == 5

    fakes.due = [100, 100, 7]
    async with fakes.workers(client, CORE_QUEUE):
        handled = await client.execute_workflow(
            SweepWorkflow.run, "renewals", id="due", task_queue=CORE_QUEUE
        )
    assert handled == 207, "a look goes on until nothing is due"

    monkeypatch.setattr(policies, "SWEEP_EVERY", timedelta(hours=1))
    monkeypatch.setattr(policies, "SWEEP_SHIFT", timedelta(hours=2))
    async with fakes.workers(client, CORE_QUEUE):
        handle = await client.start_workflow(SweepWorkflow.run, "outbox", id="sweep-2", task_queue=CORE_QUEUE)
        async with asyncio.timeout(20):
            while await fakes.looked.get() < 6:
                pass
        stopping = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stopping < policies.GRACEFUL_SHUTDOWN.total_seconds()
    await handle.terminate()
