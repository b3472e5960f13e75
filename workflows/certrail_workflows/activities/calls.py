"""Plugin calls contained: whatever a verb does, it becomes one exception of its activity, within a limit.

- It runs in a task of its own, so that a `CancelledError` of its own is not taken for ours, and what ends a process
  (`SystemExit`, `KeyboardInterrupt`) never reaches the event loop.
- It is cancelled after its limit.
- It is entered on the board that the parent process reads, as are the tasks and threads that it starts: the parent ends
  the process of a call that holds the loop, and of one that goes on long after its limit.
"""

import asyncio
import threading
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from typing_extensions import override

from certrail_workflows import limits, policies
from certrail_workflows.activities.hold_watch import HoldWatch
from certrail_workflows.call_board import ENDLESS, CallBoard, OpenCall

T = TypeVar("T")

_engine = ThreadPoolExecutor(policies.ENGINE_THREADS, thread_name_prefix="engine")
"""Threads of our own transactions: plugins that leave theirs behind cannot take them."""


class NoAnswer(Exception):
    """A verb had not ended after its limit; its text says so."""


class Escaped(Exception):
    """A verb raised what is no `Exception`: it would have ended the process, or looked like our cancellation.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.error = error


async def engine_thread(step: Callable[[], T]) -> T:
    """Run one transaction of our own in a thread. Raises what it raises, `Escaped` for what is no `Exception`."""
    return await asyncio.get_running_loop().run_in_executor(_engine, lambda: _tame(step))


def _tame(step: Callable[[], T]) -> T:
    # A plugin's constructor and validators run inside of our transactions.
    try:
        return step()
    except Exception:
        raise
    except BaseException as error:
        raise Escaped(error) from None


@dataclass
class _Open:
    """A call with the tasks and threads it has started; it leaves the board with the last of them."""

    call: OpenCall
    slot: int | None
    parts: int = 1


_current: ContextVar[_Open | None] = ContextVar("plugin_call", default=None)


def _call_of(context: Context) -> OpenCall | None:
    entered = context.get(_current)
    return entered.call if entered else None


class Calls:
    """All plugin calls of this process.

    Args:
        board: that the parent reads; left out, one that nobody reads.
    """

    def __init__(self, board: CallBoard | None = None) -> None:
        self._board = board or CallBoard.create()
        self._lock = threading.Lock()

    async def contained(
        self, call: OpenCall, work: Coroutine[Any, Any, T], overdue: Callable[[NoAnswer], Awaitable[None]]
    ) -> T:
        """Run one verb.

        Args:
            overdue: called once when the limit is reached, before the call has ended.

        Raises:
            NoAnswer: it had not ended after its limit, and was cancelled.
            Escaped: it raised what is no `Exception`.
            Exception: any other that it raised.
        """
        limit, grace = limits.call_limit(call.verb), limits.CANCEL_GRACE
        deadline = limit + grace + limits.ENDED_BY_PARENT_AFTER
        entered = _Open(call, self._board.enter(call, deadline.total_seconds()))
        task = asyncio.create_task(self._outcome(entered, work))
        try:
            done, _ = await asyncio.wait({task}, timeout=limit.total_seconds())
            if not done:
                late = NoAnswer(f"gave no answer within {limit.seconds} s")
                task.cancel()
                await overdue(late)
                # A vendor's call in a thread goes on when it is cancelled: the next attempt must not overtake it.
                await asyncio.wait({task}, timeout=grace.total_seconds())
                raise late
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            self._cancelled(task, work, entered)
            raise
        answer: T = task.result().value()
        return answer

    def _cancelled(self, task: asyncio.Task[Any], work: Coroutine[Any, Any, Any], entered: _Open) -> None:
        """End a call that was cancelled before its first step: none of its own `finally` blocks runs."""
        if task.cancelled():
            work.close()
            self._ended(entered)

    async def _outcome(self, entered: _Open, work: Coroutine[Any, Any, T]) -> "_Outcome":
        _current.set(entered)
        try:
            return _Outcome(answer=await _stepped(work, self._board, entered.slot))
        except BaseException as error:
            return _Outcome(error=error)
        finally:
            self._ended(entered)

    async def endless(self, call: OpenCall, work: Coroutine[Any, Any, T]) -> T:
        """Run a verb that goes on until it is cancelled. Then it has ``CANCEL_GRACE``, or the parent ends the process.

        Raises:
            Escaped: it raised what is no `Exception`.
            Exception: any other that it raised.
        """
        entered = _Open(call, self._board.enter(call, ENDLESS))
        task = asyncio.create_task(self._outcome(entered, work))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            with self.entered(call, limits.CANCEL_GRACE):
                await asyncio.wait({task})
            self._cancelled(task, work, entered)
            raise
        answer: T = task.result().value()
        return answer

    @contextmanager
    def entered(self, call: OpenCall, limit: timedelta) -> Iterator[None]:
        """Enter a call in a thread, or an end that is awaited: after its limit the parent ends the process."""
        slot = self._board.enter(call, limit.total_seconds())
        try:
            yield
        finally:
            self._board.leave(slot)

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the tasks and threads that calls start on this loop counted as theirs."""
        loop.set_task_factory(self._task)
        loop.set_default_executor(_CallThreads(self, limits.CALL_THREADS))

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Show the parent that the event loop turns, and who holds it where no call is at work."""
        beats = asyncio.create_task(self._beat())
        watch = HoldWatch(self._board, _call_of)
        watch.start()
        try:
            yield
        finally:
            watch.stop()
            beats.cancel()

    async def _beat(self) -> None:
        while True:
            self._board.beat()
            await asyncio.sleep(limits.BEAT_EVERY.total_seconds())

    def _task(self, loop: asyncio.AbstractEventLoop, work: Any, context: Any = None) -> asyncio.Task[Any]:
        entered = _current.get() if context is None else context.get(_current)
        if entered is None or not asyncio.iscoroutine(work):
            return asyncio.Task(work, loop=loop, context=context)
        task = asyncio.Task(self._inner(entered, work), loop=loop, context=context)
        self._joined(entered)
        task.add_done_callback(lambda _: self._ended(entered), context=Context())
        return task

    async def _inner(self, entered: _Open, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await _stepped(work, self._board, entered.slot)
        except (SystemExit, KeyboardInterrupt) as error:
            raise Escaped(error) from None  # from a task, these two would end the event loop

    def part_of_current(self) -> _Open | None:
        """Count one more part of the running call: a thread."""
        entered = _current.get()
        if entered is not None:
            self._joined(entered)
        return entered

    def _joined(self, entered: _Open) -> None:
        with self._lock:
            entered.parts += 1

    def _ended(self, entered: _Open) -> None:
        with self._lock:
            entered.parts -= 1
            last = entered.parts == 0
        if last:
            self._board.leave(entered.slot)


@dataclass(frozen=True)
class _Outcome:
    """How a verb ended. An exception is kept as a value: raised, it would be the task's."""

    answer: Any = None
    error: BaseException | None = None

    def value(self) -> Any:
        if self.error is None:
            return self.answer
        if isinstance(self.error, Exception):
            raise self.error
        raise Escaped(self.error)


class _CallThreads(ThreadPoolExecutor):
    """The event loop's default threads, in which plugins call blocking libraries."""

    def __init__(self, calls: Calls, threads: int) -> None:
        super().__init__(threads, thread_name_prefix="plugin")
        self._calls = calls

    @override
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        entered = self._calls.part_of_current()
        future = super().submit(fn, *args, **kwargs)
        if entered is not None:
            future.add_done_callback(lambda _: self._calls._ended(entered))
        return future


@types.coroutine
def _stepped(work: Coroutine[Any, Any, T], board: CallBoard, slot: int | None) -> Generator[Any, Any, T]:
    """Await something, and mark its call on the board during each of its steps."""
    value, thrown = None, None
    while True:
        before = board.run(slot)
        try:
            waited = work.send(value) if thrown is None else work.throw(thrown)
        except StopIteration as done:
            answer: T = done.value
            return answer
        finally:
            board.run(before)
        value = thrown = None
        try:
            value = yield waited
        except BaseException as error:
            thrown = error
