"""Running a verb as the engine does, and seeing what it does to the event loop."""

import asyncio
import selectors
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from certrail_sdk import PluginError
from certrail_sdk.testing import calls as calls_module
from certrail_sdk.testing.calls import Calls, counted

T = TypeVar("T")
LONGEST_REFUSAL = 20.0
"""Seconds within which a verb gives up where the other side is busy or away."""
MOST_CONNECTIONS = 4
"""That a verb opens before it gives up: each address of a host once, and one for the credentials."""
NEVER = 0
"""No wait has this number."""
LONGEST_BLOCK = 0.3
"""Seconds that a verb may keep the event loop waiting; sleeps, connections and look-ups are seen at any length."""
LONGEST_COMPUTATION = 1.5
"""Seconds that a verb may compute in the event loop."""
PULSE = 0.01
LONGEST_LOOK = 0.05


async def unblocked(verb: Awaitable[T]) -> T:
    """Run a verb; fail if it blocks the event loop, or lets out anything but a PluginError."""
    result, _ = await _run(verb)
    return result


async def prompt(verb: Awaitable[T]) -> T:
    """The same, of a verb that is to give up soon: fail if it pauses by itself or takes longer than LONGEST_REFUSAL."""
    calls, begun = Calls(), time.monotonic()
    try:
        result, calls = await _run(verb, calls)
    finally:
        assert not calls.pauses, f"the verb pauses in {calls.pauses[0]}; raise, and the engine waits"
        assert calls.connections <= MOST_CONNECTIONS, (
            f"the verb tries {calls.connections} times by itself; raise, and the engine repeats"
        )
        took = time.monotonic() - begun
        assert took < LONGEST_REFUSAL, f"the verb took {took:.0f} s; bound the vendor's timeouts and retries"
    return result


async def _run(verb: Awaitable[T], calls: Calls | None = None) -> tuple[T, Calls]:
    async with _watched_loop():
        with counted(calls) as made:
            try:
                return await verb, made
            except (PluginError, asyncio.CancelledError):
                raise
            except Exception as err:
                raise AssertionError(
                    f"only PluginErrors may come out of a verb, not {type(err).__name__}"
                ) from err
            finally:
                assert not made.blocking, f"the event loop was blocked in {made.blocking[0]}; use in_thread"


async def interrupted(verb: Awaitable[object], step: int) -> bool:
    """Cancel a verb when it waits for the ``step``-th time; ``False`` if it ended before."""
    interruption = _Interruption(verb, step)
    task = asyncio.ensure_future(interruption.run())
    await asyncio.gather(task, return_exceptions=True)
    return interruption.waits >= step


async def interrupted_in_thread(verb: Awaitable[object], threads: "HeldThreads") -> bool:
    """Cancel a verb when its call in these threads is held; ``False`` if it made fewer calls."""
    interruption = _Interruption(verb, NEVER, threads.release)
    threads.caller = asyncio.ensure_future(interruption.run())
    await asyncio.gather(threads.caller, return_exceptions=True)
    threads.caller = None
    return threads.is_holding


class HeldThreads(ThreadPoolExecutor):
    """Threads that hold the n-th call and cancel its caller meanwhile.

    Held until the caller waits for it, or until the release: so no speed of the machine decides what is noticed.

    Attributes:
        caller: cancelled by its call; what others hand over is not counted.
        at_work: whether the call was handed over and has not ended.
        is_holding: whether there was an n-th call.
    """

    LONGEST = 10.0

    def __init__(self, number: int) -> None:
        super().__init__(max_workers=8)
        self.caller: asyncio.Future[object] | None = None
        self.at_work = self.is_holding = False
        self._left = number
        self._begun, self._released = threading.Event(), threading.Event()

    def release(self) -> None:
        """Let the call go on."""
        self._released.set()

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self._left -= self.caller is not None
        if self._left or self.caller is None or self.is_holding:
            return super().submit(call, *args, **kwargs)
        self.at_work = self.is_holding = True
        asyncio.get_running_loop().call_soon(self.caller.cancel)
        handed_over = super().submit(self._held, call, *args, **kwargs)
        self._begun.wait(self.LONGEST)  # a call that is cancelled before a thread begins it is never made
        return handed_over

    def _held(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._begun.set()
        try:
            self._released.wait(self.LONGEST)
            return call(*args, **kwargs)
        finally:
            self.at_work = False


@asynccontextmanager
async def own_threads(threads: ThreadPoolExecutor | None = None) -> AsyncIterator[None]:
    """Threads that a cancelled verb left at work have ended when this ends, as after a restart."""
    loop = asyncio.get_running_loop()
    threads = threads or ThreadPoolExecutor(max_workers=4)
    loop.set_default_executor(threads)
    try:
        yield
    finally:
        with ThreadPoolExecutor(max_workers=1) as helper:
            await loop.run_in_executor(helper, threads.shutdown)
        loop.set_default_executor(ThreadPoolExecutor())


class _Interruption:
    def __init__(self, verb: Awaitable[object], step: int, again: Callable[[], None] = lambda: None) -> None:
        self._verb = verb
        self._step = step
        self._again = again
        self.waits = 0

    async def run(self) -> object:
        return await self

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._verb.__await__()
        error: BaseException | None = None
        cancelled = False
        while True:
            try:
                waited = steps.throw(error) if error else next(steps)
            except StopIteration as end:
                return end.value
            self.waits += 1
            if cancelled:
                self._again()
            if self.waits == self._step and (task := asyncio.current_task()):
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                error = None
                yield waited
            except BaseException as err:  # the verb's own affair, GeneratorExit included
                error = err
                cancelled = cancelled or isinstance(err, asyncio.CancelledError)


@asynccontextmanager
async def _watched_loop() -> AsyncIterator[None]:
    watch = _Watch()
    beating = asyncio.create_task(watch.beat())
    watch.start()
    try:
        yield
    finally:
        watch.finish()
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        # Inside `finally`: a verb that ends with an error has blocked the loop all the same.
        assert not watch.blocked_in, f"the event loop was blocked in {watch.blocked_in}; use in_thread"


class _Watch(threading.Thread):
    """Adds up the time in which it looks and does not see the loop's heart beat.

    A machine that stalls is not the plugin's doing. It may stall this thread too, so of a long time
    without a look only LONGEST_LOOK counts; it may stall the loop's thread alone, which cannot be told from
    computing, so computing may take longer than waiting. Nor is a loop blocked that waits in its selector,
    or for a thread to start.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._loop_thread = threading.get_ident()
        self._loop_state = Path(f"/proc/self/task/{threading.get_native_id()}/stat")
        self._over = threading.Event()
        self._beats = 0
        self.blocked_in = ""

    async def beat(self) -> None:
        while True:
            self._beats += 1
            await asyncio.sleep(PULSE / 2)

    def run(self) -> None:
        beats, still, looked = 0, 0.0, time.monotonic()
        while not self._over.wait(PULSE):
            now = time.monotonic()
            still = still + min(now - looked, LONGEST_LOOK) if self._beats == beats else 0.0
            beats, looked = self._beats, now
            longest = LONGEST_BLOCK if self._sleeps() else LONGEST_COMPUTATION
            if still >= longest and not self.blocked_in and not self._over.is_set():
                self.blocked_in = self._where()
                still = 0.0

    def finish(self) -> None:
        self._over.set()
        self.join()

    def _sleeps(self) -> bool:
        """Whether the loop's thread waits for something else than a processor or a page, where Linux tells."""
        try:
            return self._loop_state.read_text().rpartition(")")[2].split()[0] == "S"
        except OSError:
            return True

    def _where(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        stack = [each for each in traceback.extract_stack(frame) if each.filename != calls_module.__file__]
        if not stack or stack[-1].filename == selectors.__file__ or _starts_a_thread(stack):
            return ""
        return f"{stack[-1].filename}:{stack[-1].lineno} {stack[-1].name}"


def _starts_a_thread(stack: list[traceback.FrameSummary]) -> bool:
    """Whether the loop waits for a new thread to run, as `asyncio.to_thread` does on a busy machine."""
    return any((frame.filename, frame.name) == (threading.__file__, "start") for frame in stack)
