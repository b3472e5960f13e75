"""The parent of a worker's processes: starts them, reads what plugins do to them, and ends the ones that are harmed.

It runs no code of a plugin and opens no database, so that nothing a plugin does can reach it.
"""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from certrail_server.marks import WORKER_MARK, mark
from certrail_server.processes.launcher import Launcher
from certrail_server.processes.spawning import Process, end, how
from certrail_server.settings import Settings
from certrail_server.workers.status import listen
from certrail_server.workers.watchdog import Harm, Watchdog, resident_bytes
from certrail_workflows.call_board import CallBoard

log = logging.getLogger(__name__)

PROCESS = "certrail_server.workers.process"
CORE_QUEUE = "certrail"
LOOK_SECONDS = 0.25
START_SECONDS = 120.0
"""How long a process may take to import itself and its plugins."""
STOP_SECONDS = 12.0
"""How long one may take to end; `certrail dev` waits a little longer for all."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY_SECONDS = 30.0
"""A process that ran this long is started again without a long pause."""
QUARANTINE_PAUSE, LONGEST_QUARANTINE_PAUSE = 2.0, 300.0
STEADY_QUARANTINE_SECONDS = 3600.0


async def run(settings: Settings, launcher: Launcher, queues: Sequence[str]) -> str | None:
    """Run until SIGTERM or SIGINT; returns why the processes refuse to work, ``None`` after an orderly end.

    Args:
        launcher: has imported `PROCESS`.
        queues: to serve; none for all.
    """
    return await _Parent(settings, launcher, queues).run()


@dataclass
class _Child:
    """One process that is kept alive.

    Attributes:
        lines: its standard input.
        reports: faults that the next process of this kind records before it calls a plugin.
    """

    name: str
    role: str
    arguments: tuple[str, ...] = ()
    pauses: tuple[float, float] = (FIRST_PAUSE, LONGEST_PAUSE)
    steady: float = STEADY_SECONDS
    reports: list[dict[str, Any]] = field(default_factory=list)
    process: Process | None = None
    lines: asyncio.WriteTransport | None = None
    imported: bool = False
    ready: bool = False
    was_ready: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class _Parent:
    def __init__(self, settings: Settings, launcher: Launcher, queues: Sequence[str]) -> None:
        self._settings, self._launcher, self._queues = settings, launcher, queues
        self._core = _Child("core", "core")
        plugins = [queue for queue in queues if queue != CORE_QUEUE]
        self._host = _Child("plugins", "host", _queue_options(plugins))
        self._kept: list[_Child] = []
        if not queues or CORE_QUEUE in queues:
            self._kept.append(self._core)
        if not queues or plugins:
            self._kept.append(self._host)
        self._quarantined: dict[str, tuple[_Child, asyncio.Task[None]]] = {}
        self._stop = asyncio.Event()
        self._refusal: str | None = None
        self._marked: dict[str, int] = {}

    async def run(self) -> str | None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        keeping = [asyncio.create_task(self._keep(child)) for child in self._kept]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            # A keeper ends before it only by an error, which ends everything: nothing is unwatched.
            await asyncio.wait({stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            stopping.cancel()
            for child in (*self._kept, *(child for child, _ in self._quarantined.values())):
                child.stop.set()
            ended = await asyncio.gather(
                *keeping, *(task for _, task in self._quarantined.values()), return_exceptions=True
            )
        for error in ended:
            if isinstance(error, BaseException):
                raise error
        return self._refusal

    async def _either(self, *events: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _keep(self, child: _Child) -> None:
        """Keep one process alive until it is to stop."""
        first, longest = child.pauses
        pause = first
        while not child.stop.is_set() and not self._stop.is_set():
            began = monotonic()
            try:
                harm = await self._live(child)
            except OSError as problem:
                log.error("%s cannot be started: %s", child.name, problem)
                harm = None
            if harm is None and (child.stop.is_set() or self._stop.is_set()):
                return
            if harm is not None:
                child.reports += harm.reports()
                log.error("%s %s; starting it again", child.name, harm.what)
            pause = first if monotonic() - began > child.steady else pause
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await child.stop.wait()
            pause = min(pause * 2, longest)

    async def _live(self, child: _Child) -> Harm | None:
        """One life of a process; returns how it ended, ``None`` if it was stopped. Raises OSError."""
        board = CallBoard.create()
        reader, writer = os.pipe()
        stdin, lines = os.pipe()
        try:
            process = await self._launcher.launch(
                PROCESS,
                (child.role, *child.arguments),
                title=f"worker, {child.name}",
                descriptors={"--status": writer, "--board": board.descriptor},
                stdin=stdin,
            )
        except OSError:
            os.close(reader)
            os.close(lines)
            board.close()
            raise
        finally:
            os.close(writer)
            os.close(stdin)
        child.process, child.imported, child.ready = process, False, False
        reading = asyncio.create_task(listen(reader, lambda message: self._received(child, message)))
        child.lines, _ = await asyncio.get_running_loop().connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(lines, "wb", buffering=0)
        )
        try:
            child.lines.write(json.dumps(child.reports).encode() + b"\n")
            return await self._watch(
                child, process, Watchdog(board, LOOK_SECONDS, self._settings.plugin_memory_mb)
            )
        finally:
            child.ready = False
            child.lines.close()
            with suppress(TimeoutError):
                # What it said last, such as a refusal; a process that it has left behind may hold the pipe.
                async with asyncio.timeout(1):
                    await reading
            board.close()

    async def _watch(self, child: _Child, process: Process, dog: Watchdog) -> Harm | None:
        exited = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._either(child.stop, self._stop))
        began, resident = monotonic(), None
        try:
            while True:
                await asyncio.wait(
                    {exited, stopping}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if exited.done():
                    return self._died(child, exited.result(), dog, resident)
                if stopping.done():
                    await end(process, child.name, STOP_SECONDS)
                    return None
                if child.role == "core":
                    continue
                resident = resident_bytes(process.pid)
                harm = dog.look(resident)
                if harm is None and not child.imported and monotonic() - began > START_SECONDS:
                    harm = Harm(f"did not start within {START_SECONDS:.0f} s")
                if harm is not None:
                    with suppress(ProcessLookupError):
                        process.kill()
                    await exited
                    return harm
        finally:
            stopping.cancel()

    def _died(self, child: _Child, code: int, dog: Watchdog, resident: int | None) -> Harm:
        if child.role == "core" or not child.imported:
            return Harm(f"died ({how(code)})")
        return dog.died(code, resident)

    def _received(self, child: _Child, message: dict[str, Any]) -> None:
        if "refused" in message and not child.was_ready:
            self._refusal = str(message["refused"])
            self._stop.set()
        if "imported" in message:
            child.imported = True
        if "recorded" in message:
            child.reports.clear()
        if "ready" in message:
            child.ready = child.was_ready = True
        if "nudge" in message:
            self._nudge()
        if child is self._host and isinstance(message.get("quarantined"), list):
            self._quarantine({str(key) for key in message["quarantined"]})
        self._mark()

    def _nudge(self) -> None:
        """A process of plugins has committed outbox rows; the dispatcher is in the core."""
        if self._core.lines is not None:
            self._core.lines.write(b"\n")

    def _quarantine(self, keys: set[str]) -> None:
        """Run a process for each quarantined plugin, and end those of released ones."""
        for key in self._quarantined.keys() - keys:
            child, _ = self._quarantined.pop(key)
            log.info("%s is released", key)
            child.stop.set()
        if self._stop.is_set():
            return
        for key in keys - self._quarantined.keys():
            log.warning("%s is quarantined: it gets a process of its own", key)
            options = ("--quarantine", *_queue_options([f"plugin-{key}"]))
            pauses = (QUARANTINE_PAUSE, LONGEST_QUARANTINE_PAUSE)
            child = _Child(key, "host", options, pauses, STEADY_QUARANTINE_SECONDS)
            self._quarantined[key] = child, asyncio.create_task(self._keep(child))

    def _mark(self) -> None:
        """Say that this worker works, and by which processes, once all of them do."""
        if not all(child.ready for child in self._kept) or not self._settings.data_dir.is_dir():
            return
        children = (*self._kept, *(child for child, _ in self._quarantined.values()))
        processes = {child.name: child.process.pid for child in children if child.process}
        if processes != self._marked:
            self._marked = processes
            mark(self._settings.data_dir / WORKER_MARK, queues=list(self._queues), processes=processes)
            log.info("working: %s", ", ".join(f"{name} as process {pid}" for name, pid in processes.items()))


def _queue_options(queues: Sequence[str]) -> tuple[str, ...]:
    return tuple(option for queue in queues for option in ("--queue", queue))
