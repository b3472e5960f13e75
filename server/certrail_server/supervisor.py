"""Keeps a few child processes alive, in order, and tells what happens to them."""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY_SECONDS = 10.0
"""A child that ran this long starts its back-off anew when it dies."""
STOP_SECONDS = 15.0


@dataclass
class Child:
    """One process to keep alive.

    Attributes:
        ready: returns once the child can be used.
        pass_fds: file descriptors it inherits.
        at_once: start it without waiting for the child before it to be ready.
        log_file: takes what it prints, instead of the terminal.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[None]]
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    at_once: bool = False
    log_file: Path | None = None
    pid: int | None = None


class Supervisor:
    """Starts children in order, restarts those that die, stops them in reverse order."""

    def __init__(self, children: Sequence[Child], state_file: Path) -> None:
        self._children = children
        self._state_file = state_file
        self._stopping = asyncio.Event()
        self._changing = asyncio.Lock()
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stopping.set()

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Run until `stop`; `started` is called once every child is ready."""
        keepers: list[asyncio.Task[None]] = []
        starting: list[Child] = []
        try:
            for child in self._children:
                if not child.at_once:
                    await self._until_ready(starting)
                    starting = []
                log.info("starting %s", child.name)
                if not await self._start(child):
                    break
                keepers.append(asyncio.create_task(self._keep(child)))
                starting.append(child)
            await self._until_ready(starting)
            if not self._stopping.is_set():
                started()
            await self._until_stopped(keepers)
        finally:
            self._stopping.set()
            async with self._changing:  # a child whose start is under way is there before it is ended
                for child in reversed(self._children):
                    await self._end(child)
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            with suppress(FileNotFoundError):
                self._state_file.unlink()

    async def _until_ready(self, children: Sequence[Child]) -> None:
        for child in children:
            await self._until_one_is_ready(child)

    async def _until_one_is_ready(self, child: Child) -> None:
        ready = asyncio.ensure_future(child.ready())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({ready, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ready, stopping):
            task.cancel()
        if ready.done() and not ready.cancelled():
            ready.result()
            log.info("%s is ready", child.name)

    async def _until_stopped(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        """Wait for `stop`. A keeper ends before it only by an error, which ends everything: nothing is unwatched."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        ended, _ = await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in ended:
            task.result()

    async def _start(self, child: Child) -> bool:
        """Start a child, unless everything stops: then nothing is started any more."""
        async with self._changing:
            if self._stopping.is_set():
                return False
            with child.log_file.open("ab") if child.log_file else nullcontext() as output:
                process = await spawn(child.command, env=child.env, pass_fds=child.pass_fds, output=output)
            self._processes[child.name] = process
            child.pid = process.pid
            self._write_state()
            return True

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            code = await self._processes[child.name].wait()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY_SECONDS else pause
            see = f", see {child.log_file}" if child.log_file else ""
            log.error("%s died (%s)%s; starting it again in %.1f s", child.name, how(code), see, pause)
            pause = await self._start_again(child, pause)

    async def _start_again(self, child: Child, pause: float) -> float:
        """Start a child after a pause, however often the machine refuses; returns the pause before the next time."""
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await self._start(child)
            except OSError as problem:
                log.error("%s cannot be started (%s); trying again in %.1f s", child.name, problem, pause)
            else:
                return pause

    async def _end(self, child: Child) -> None:
        process = self._processes.get(child.name)
        if process is None or process.returncode is not None:
            return
        log.info("stopping %s", child.name)
        await end(process, child.name, STOP_SECONDS)

    def _write_state(self) -> None:
        state = {"supervisor": os.getpid(), "children": {c.name: c.pid for c in self._children if c.pid}}
        temporary = self._state_file.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(state))
            temporary.replace(self._state_file)
        except OSError as problem:  # a full disk is no reason to lose sight of a child that runs
            log.error("%s is out of date: %s", self._state_file, problem)


async def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] = MappingProxyType({}),
    pass_fds: Collection[int] = (),
    stdin: int = asyncio.subprocess.DEVNULL,
    output: IO[bytes] | None = None,
) -> asyncio.subprocess.Process:
    """Start a process that dies with this one. Raises OSError where the machine refuses."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "certrail_server.child",
        *command,
        env={**os.environ, **env},
        pass_fds=pass_fds,
        stdin=stdin,
        stdout=output,
        stderr=output,
        # A Ctrl-C in the terminal is for the supervisor, which then stops its children in order.
        start_new_session=True,
    )


def how(code: int) -> str:
    """How a process ended."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


async def end(process: asyncio.subprocess.Process, name: str, seconds: float) -> None:
    """End a process by SIGTERM, or by SIGKILL if it has not ended after some seconds."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        log.warning("%s did not stop in %.0f s and is killed", name, seconds)
        process.kill()
        await process.wait()
