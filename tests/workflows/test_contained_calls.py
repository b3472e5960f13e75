"""Whatever a plugin's verb does, its activity fails with one exception, and the process goes on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fakes import QUEUE, Fakes, task

from certrail_workflows import limits
from certrail_workflows.activities.calls import Calls, Escaped, NoAnswer
from certrail_workflows.call_board import CallBoard, OpenCall
from certrail_workflows.flows.delivery import DeliveryWorkflow
from certrail_workflows.messages import CORE_QUEUE, DeliveryResult

CALL = OpenCall("destination-fake", "1.2.3", "deliver", "delivery-1", 1)
Verb = Callable[[], Awaitable[Any]]
PATIENCE = 20


class Other(BaseException):
    """What a library may derive from the base of all exceptions."""


def raising(error: BaseException) -> Verb:
    async def verb() -> None:
        await asyncio.sleep(0)
        raise error

    return verb


def in_a_task(verb: Verb) -> Verb:
    async def outer() -> Any:
        async def inner() -> Any:
            return await verb()

        return await asyncio.create_task(inner())

    return outer


ESCAPES = [
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    BaseExceptionGroup("two", [SystemExit(1), ValueError()]),
    Other(),
]


async def contained(calls: Calls, verb: Verb, late: list[NoAnswer] | None = None) -> Any:
    """Run a verb as an activity does."""

    async def overdue(error: NoAnswer) -> None:
        (late if late is not None else []).append(error)

    async def work() -> Any:
        return await verb()

    loop = asyncio.get_running_loop()
    calls.install(loop)
    try:
        return await asyncio.wait_for(calls.contained(CALL, work(), overdue), PATIENCE)
    finally:
        loop.set_task_factory(None)


@pytest.fixture
def board() -> CallBoard:
    return CallBoard.create()


@pytest.mark.parametrize("nested", [False, True], ids=["itself", "in a task"])
@pytest.mark.parametrize("error", ESCAPES, ids=lambda error: type(error).__name__)
async def test_what_would_end_a_process_ends_one_call(
    error: BaseException, nested: bool, board: CallBoard
) -> None:
    verb = raising(error)
    with pytest.raises(Escaped):
        await contained(Calls(board), in_a_task(verb) if nested else verb)
    assert not board.open_calls()
    assert board.running() is None


async def test_a_call_without_an_answer_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, board: CallBoard
) -> None:
    monkeypatch.setattr(limits, "CALL_LIMIT", timedelta(seconds=0.1))
    late: list[NoAnswer] = []
    with pytest.raises(NoAnswer, match="gave no answer within"):
        await contained(Calls(board), asyncio.Event().wait, late)
    assert len(late) == 1
    assert not board.open_calls()


async def test_a_call_that_ignores_its_end_stays_on_the_board(
    monkeypatch: pytest.MonkeyPatch, board: CallBoard
) -> None:
    """The parent process ends it together with its process."""
    monkeypatch.setattr(limits, "CALL_LIMIT", timedelta(seconds=0.1))
    monkeypatch.setattr(limits, "CANCEL_GRACE", timedelta(seconds=0.1))
    ended, ignored = asyncio.Event(), 0

    async def stubborn() -> None:
        nonlocal ignored
        while not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError:
                ignored += 1

    with pytest.raises(NoAnswer):
        await contained(Calls(board), stubborn)
    assert ignored
    assert [entry.call for entry in board.open_calls()] == [CALL]
    ended.set()
    async with asyncio.timeout(PATIENCE):
        while board.open_calls():  # noqa: ASYNC110  nobody is notified of it
            await asyncio.sleep(0)


async def test_a_thread_that_goes_on_keeps_its_call_on_the_board(
    monkeypatch: pytest.MonkeyPatch, board: CallBoard
) -> None:
    monkeypatch.setattr(limits, "CALL_LIMIT", timedelta(seconds=0.1))
    held = threading.Event()
    with pytest.raises(NoAnswer):
        await contained(Calls(board), lambda: asyncio.to_thread(held.wait, PATIENCE))
    assert [entry.call for entry in board.open_calls()] == [CALL]
    held.set()
    async with asyncio.timeout(PATIENCE):
        while board.open_calls():  # noqa: ASYNC110  nobody is notified of it
            await asyncio.sleep(0)


@pytest.mark.parametrize("nested", [False, True], ids=["itself", "in a task"])
async def test_the_call_whose_step_runs_is_on_the_board(nested: bool, board: CallBoard) -> None:
    """This is what the parent reads of a process whose loop stands still, or that is dead."""
    seen = []

    async def verb() -> None:
        await asyncio.sleep(0)
        seen.append(CallBoard(board.descriptor).running())

    await contained(Calls(board), in_a_task(verb) if nested else verb)
    (entry,) = seen
    assert entry is not None
    assert entry.call == CALL


async def test_our_own_cancellation_stays_one(board: CallBoard) -> None:
    began = asyncio.Event()

    async def verb() -> None:
        began.set()
        await asyncio.Event().wait()

    async def overdue(_: NoAnswer) -> None:
        raise AssertionError

    running = asyncio.create_task(Calls(board).contained(CALL, verb(), overdue))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not board.open_calls()


async def test_one_that_is_cancelled_before_it_begins_leaves_the_board(board: CallBoard) -> None:
    async def never() -> None:
        raise AssertionError

    work: Coroutine[Any, Any, None] = never()
    running = asyncio.create_task(Calls(board).contained(CALL, work, lambda _: asyncio.sleep(0)))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not board.open_calls()


async def test_a_worker_survives_and_names_the_plugin(skipping: WorkflowEnvironment, fakes: Fakes) -> None:
    """The call fails, is recorded as a bug of the plugin and as its fault, and is repeated."""
    fakes.deliveries.tries.script = [raising(SystemExit(1)), raising(asyncio.CancelledError())]
    async with fakes.workers(skipping.client):
        result = await skipping.client.execute_workflow(
            DeliveryWorkflow.run, task("delivery-1"), id="delivery-1", task_queue=CORE_QUEUE
        )
    assert result == DeliveryResult("delivered", verified=True)
    assert [failure.kind for failure in fakes.deliveries.failures] == ["PluginBug", "PluginBug"]
    assert [(fault.plugin, fault.version, fault.verb, fault.what) for fault in fakes.faults] == [
        (QUEUE.removeprefix("plugin-"), "1.2.3", "deliver", "raised SystemExit"),
        (QUEUE.removeprefix("plugin-"), "1.2.3", "deliver", "raised CancelledError"),
    ]


async def test_a_call_without_an_answer_is_recorded_as_failure_and_fault(
    skipping: WorkflowEnvironment, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CALL_LIMIT", timedelta(seconds=0.2))

    async def silent() -> None:
        await asyncio.Event().wait()

    fakes.deliveries.tries.script = [silent]
    async with fakes.workers(skipping.client):
        await skipping.client.execute_workflow(
            DeliveryWorkflow.run, task("delivery-1"), id="delivery-1", task_queue=CORE_QUEUE
        )
    (failure,) = fakes.deliveries.failures
    assert (failure.kind, failure.permanent) == ("NoAnswer", False)
    (fault,) = fakes.faults
    assert fault.what.startswith("gave no answer within")


async def test_an_endless_verb_is_open_until_it_is_cancelled(board: CallBoard) -> None:
    calls, ended = Calls(board), asyncio.Event()

    async def listen() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    listening = asyncio.create_task(calls.endless(CALL, listen()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (entry,) = board.open_calls()
    assert (entry.call, entry.endless) == (CALL, True)
    listening.cancel()
    await asyncio.wait({listening}, timeout=PATIENCE)
    assert ended.is_set()
    assert listening.cancelled()
    assert not board.open_calls()


async def test_one_that_does_not_end_when_it_is_cancelled_is_overdue_after_its_grace(
    board: CallBoard,
) -> None:
    calls, let_go = Calls(board), asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()

    listening = asyncio.create_task(calls.endless(CALL, stubborn()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    listening.cancel()
    await asyncio.sleep(0)
    (grace,) = [entry for entry in board.open_calls() if not entry.endless]
    assert grace.deadline - grace.opened == limits.CANCEL_GRACE.total_seconds()
    let_go.set()
    await asyncio.wait({listening}, timeout=PATIENCE)
    assert not board.open_calls()


@pytest.mark.parametrize("error", ESCAPES, ids=lambda error: type(error).__name__)
async def test_an_endless_verb_ends_no_process(error: BaseException, board: CallBoard) -> None:
    async def listen() -> None:
        await raising(error)()

    with pytest.raises(Escaped):
        await asyncio.wait_for(Calls(board).endless(CALL, listen()), PATIENCE)
    assert not board.open_calls()
