"""Keeps a few child processes alive, in order, and tells what happens to them."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from certrail_server.processes.launcher import Launcher
from certrail_server.processes.spawning import Process, end, how, spawn

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY_SECONDS = 10.0
"""A child that ran this long starts its back-off anew when it dies."""
STOP_SECONDS = 15.0


@dataclass
class Child:
    """One process to keep alive.

    Attributes:
        command: what to execute; with a launcher, a module of certrail and its arguments.
        ready: returns once the child can be used.
        pass_fds: file descriptors it inherits.
        at_once: start it without waiting for the child before it to be ready.
        log_file: takes what it prints, instead of the terminal.
        launcher: starts it without an import of its own; it inherits no `pass_fds` and has no `log_file` then.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[None]]
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    at_once: bool = False
    log_file: Path | None = None
    launcher: Launcher | None = None
    pid: int | None = None


class Supervisor:
    """Starts children in order, restarts those that die, stops them in reverse order."""

    def __init__(self, children: Sequence[Child], state_file: Path) -> None:
        self._children = children
        self._state_file = state_file
        self._stopping = asyncio.Event()
        self._changing = asyncio.Lock()
        self._processes: dict[str, Process] = {}

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
            process = self._processes[child.name] = await self._started(child)
            child.pid = process.pid
            self._write_state()
            return True

    async def _started(self, child: Child) -> Process:
        if child.launcher is not None:
            return await child.launcher.launch(
                child.command[0], child.command[1:], title=child.name, env=child.env
            )
        with child.log_file.open("ab") if child.log_file else nullcontext() as output:
            return await spawn(child.command, env=child.env, pass_fds=child.pass_fds, output=output)

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
