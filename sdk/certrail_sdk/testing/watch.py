"""Running a verb as the engine does, and seeing what it does to the event loop."""

import asyncio
import selectors
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from certrail_sdk import PluginError

T = TypeVar("T")
LONGEST_BLOCK = 0.1
"""Seconds that a verb may keep the event loop from running."""
PULSE = 0.01
LONGEST_LOOK = 0.05


async def unblocked(verb: Awaitable[T]) -> T:
    """Run a verb; fail if it blocks the event loop, or lets out anything but a PluginError."""
    async with _watched_loop():
        try:
            return await verb
        except (PluginError, asyncio.CancelledError):
            raise
        except Exception as err:
            raise AssertionError(
                f"only PluginErrors may come out of a verb, not {type(err).__name__}"
            ) from err


async def interrupted(verb: Awaitable[object], step: int) -> bool:
    """Cancel a verb when it waits for the ``step``-th time; ``False`` if it ended before."""
    interruption = _Interruption(verb, step)
    task = asyncio.ensure_future(interruption.run())
    await asyncio.gather(task, return_exceptions=True)
    return interruption.waits >= step


@asynccontextmanager
async def own_threads() -> AsyncIterator[None]:
    """Threads that a cancelled verb left at work have ended when this ends, as after a restart."""
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(max_workers=4)
    loop.set_default_executor(threads)
    try:
        yield
    finally:
        with ThreadPoolExecutor(max_workers=1) as helper:
            await loop.run_in_executor(helper, threads.shutdown)
        loop.set_default_executor(ThreadPoolExecutor())


class _Interruption:
    def __init__(self, verb: Awaitable[object], step: int) -> None:
        self._verb = verb
        self._step = step
        self.waits = 0

    async def run(self) -> object:
        return await self

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._verb.__await__()
        error: BaseException | None = None
        while True:
            try:
                waited = steps.throw(error) if error else next(steps)
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self._step and (task := asyncio.current_task()):
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                error = None
                yield waited
            except BaseException as err:  # the verb's own affair, GeneratorExit included
                error = err


@asynccontextmanager
async def _watched_loop() -> AsyncIterator[None]:
    watch = _Watch(threading.get_ident())
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
        assert not watch.blocked_in, (
            f"the event loop was blocked in {watch.blocked_in}; use asyncio.to_thread"
        )


class _Watch(threading.Thread):
    """Adds up the time in which it looks and does not see the loop's heart beat.

    A machine that stalls stalls this thread too, so of a long time without a look only LONGEST_LOOK
    counts: a loop that stands still while others run is the plugin's doing, a hiccup is not. Neither is
    a loop that waits in its selector: it would run, and is not given the time.
    """

    def __init__(self, loop_thread: int) -> None:
        super().__init__(daemon=True)
        self._loop_thread = loop_thread
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
            if still >= LONGEST_BLOCK and not self.blocked_in:
                self.blocked_in = self._where()
                still = 0.0

    def finish(self) -> None:
        self._over.set()
        self.join()

    def _where(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        stack = traceback.extract_stack(frame)
        if stack and stack[-1].filename == selectors.__file__:
            return ""
        return f"{stack[-1].filename}:{stack[-1].lineno} {stack[-1].name}" if stack else "an unknown place"
