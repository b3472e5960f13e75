"""One process of `certrail worker`: the flows and our own steps (``core``), or plugins (``host``)."""

import argparse
import asyncio
import faulthandler
import fcntl
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from certrail.crypto.keyring import KeyringError
from certrail.services.core.dispatcher import Dispatcher
from certrail.services.core.orchestrator import OrchestratorUnavailable
from certrail.services.operations.reconciler import Reconciler
from certrail.services.operations.schema_watch import NotMigrated, SchemaWatch, prepare
from certrail_server.bootstrap import PRIVATE, App, build, load_keyring
from certrail_server.cli.local.installation import settings, unusable_database
from certrail_server.heartbeat import process_heartbeat
from certrail_server.settings import Settings
from certrail_server.workers.host import Host
from certrail_server.workers.status import Status
from certrail_workflows.activities.calls import Calls
from certrail_workflows.call_board import CallBoard
from certrail_workflows.messages import CORE_QUEUE
from certrail_workflows.worker import core_worker, serve

log = logging.getLogger(__name__)

CONNECT_PAUSE = 1.0
REMIND_SECONDS = 60.0
"""How often it is reported that Temporal is still not there."""
STDERR = 2
"""The descriptor: a program that replaced ``sys.stderr`` by a buffer has forked a process with that."""
PREPARE_LOCK = "prepare.lock"
QUARANTINE_NICENESS = 10
"""Whatever a quarantined plugin computes, others come first."""
KILLED_FIRST = "500"
"""Of a thousand: when the machine has no memory left, its kernel ends a process of plugins before others."""


class UnknownQueue(Exception):
    """No plugin has such a task queue; the message names those that there are."""


def main() -> None:
    """Run until SIGTERM, or until the parent is gone."""
    arguments = _arguments()
    status = Status(arguments.status)
    reports = json.loads(_first_line())
    faulthandler.enable(STDERR)
    if arguments.role == "host":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST)
    if arguments.quarantine:
        os.nice(QUARANTINE_NICENESS)
    try:
        chosen = settings()
        with _alone(chosen):
            load_keyring(chosen)
        app = build(chosen)
        status.send(imported=True)
        with _alone(chosen):
            prepare(app.context.db, app.context.keyring)
        asyncio.run(
            _core(app, status) if arguments.role == "core" else _host(app, status, arguments, reports)
        )
    except (NotMigrated, KeyringError, UnknownQueue) as problem:
        _refuse(status, str(problem))
    except OperationalError as problem:
        _refuse(status, unusable_database(problem))


@contextmanager
def _alone(chosen: Settings) -> Iterator[None]:
    """While the other processes of this worker wait: two would make two keyrings, or migrate at once."""
    handle = None
    with suppress(OSError):  # where nothing can be written, nothing is made
        chosen.data_dir.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        handle = os.open(chosen.data_dir / PREPARE_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if handle is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("core", "host"))
    parser.add_argument("--status", type=int, required=True)
    parser.add_argument("--board", type=int)
    parser.add_argument("--queue", action="append", default=[])
    parser.add_argument("--quarantine", action="store_true")
    return parser.parse_args()


def _first_line() -> bytes:
    """Byte by byte, as the rest of standard input is for the event loop."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line or b"[]"


def _refuse(status: Status, why: str) -> None:
    status.send(refused=why)
    log.error("%s", why)
    sys.exit(1)


async def _core(app: App, status: Status) -> None:
    dispatcher = Dispatcher(app.services.outbox, app.orchestrator)
    app.context.nudge = dispatcher.nudge
    stop = _stopped(dispatcher.nudge)
    if not await _connected(app, stop):
        return
    client = await app.orchestrator.client()
    worker = core_worker(client, app.services, dispatcher.drain, app.concurrency)
    reconciler = Reconciler(app.services.reconciliation, app.orchestrator)
    beside = [asyncio.create_task(work) for work in (dispatcher.run(), reconciler.run())]
    # What is loaded by now lives as long as the process: no collection needs to walk through it again.
    gc.freeze()
    status.send(ready=True)
    try:
        with _schema_watch(app, stop), process_heartbeat(app.services.heartbeats, "flows"):
            await serve(worker, stop, app.concurrency.activities)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _host(
    app: App, status: Status, arguments: argparse.Namespace, reports: Sequence[dict[str, Any]]
) -> None:
    known = app.context.plugins.queues()
    if unknown := sorted(set(arguments.queue) - set(known)):
        raise UnknownQueue(
            f"there is no queue {', '.join(unknown)}; known: {', '.join((CORE_QUEUE, *known))}"
        )
    calls = Calls(CallBoard(arguments.board))
    app.context.nudge = lambda: status.send(nudge=True)
    stop = _stopped()
    calls.install(asyncio.get_running_loop())
    host = Host(app, status, calls, arguments.queue or known, quarantine=arguments.quarantine)
    async with calls.beating():
        await host.record(reports, stop)
        status.send(recorded=True)
        if not await _connected(app, stop):
            return
        gc.freeze()
        with _schema_watch(app, stop), process_heartbeat(app.services.heartbeats, "plugins"):
            await host.serve(stop)
    # An orderly end would wait for threads that plugins have left behind.
    logging.shutdown()
    os._exit(0)


def _stopped(nudge: Callable[[], None] = lambda: None) -> asyncio.Event:
    """An event that a signal sets, and the end of the parent; each line from it calls `nudge`."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)

    def read() -> None:
        if os.read(0, 4096):
            nudge()
        else:
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, read)
    return stop


def _schema_watch(app: App, stop: asyncio.Event) -> SchemaWatch:
    """Stops this process when the schema becomes too new for it: its steps would fail requests for good."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(stop.set)

    return SchemaWatch(app.context.db, end)


async def _connected(app: App, stop: asyncio.Event) -> bool:
    """Wait until Temporal is there and prepared; `False` when stopped before."""
    loop = asyncio.get_running_loop()
    report_at = loop.time()
    while not stop.is_set():
        try:
            await app.orchestrator.prepare()
            return True
        except OrchestratorUnavailable as err:
            if loop.time() >= report_at:
                log.warning("%s Trying every second; reported once a minute.", err)
                report_at = loop.time() + REMIND_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_PAUSE):
                await stop.wait()
    return False


if __name__ == "__main__":
    main()
