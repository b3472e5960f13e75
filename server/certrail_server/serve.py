"""The two long-running production processes."""

import asyncio
import gc
import json
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate, pending
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.dispatcher import Dispatcher
from certrail.services.core.orchestrator import OrchestratorUnavailable
from certrail.services.operations.reconciler import Reconciler
from certrail_server.bootstrap import App
from certrail_server.http_protocol import LARGEST_HEADERS, LimitedProtocol, prepare_process
from certrail_server.ports import listening
from certrail_workflows.activities.calls import Calls
from certrail_workflows.messages import CORE_QUEUE
from certrail_workflows.worker import build_workers
from certrail_workflows.worker import serve as serve_queues

log = logging.getLogger(__name__)

SERVER_MARK, WORKER_MARK = "server.json", "worker.json"
CONNECT_PAUSE = 1.0
REMIND_SECONDS = 60.0
"""How often it is told that Temporal is still not there."""


class NotMigrated(Exception):
    """The database is behind this version."""


class UnknownQueue(Exception):
    """No plugin has such a task queue; the message names those that there are."""


def prepare(database: Database, keyring: Keyring) -> None:
    """Migrate an embedded database; a shared one is migrated by hand. Raises NotMigrated."""
    if database.is_sqlite:
        migrate(database, lambda: empty_head(keyring))
    elif pending(database):
        raise NotMigrated("The database is behind this version. Run: certrail migrate")


def serve(app: App) -> None:
    """Serve HTTP until told to stop. Raises CannotListen."""
    prepare(app.context.db, app.context.keyring)
    settings = app.settings
    prepare_process()
    config = uvicorn.Config(
        app.http(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=LimitedProtocol,
        ws="none",
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        timeout_graceful_shutdown=10,
    )
    with listening(settings.port, settings.host) as sock:
        if settings.data_dir.is_dir():
            _mark(settings.data_dir / SERVER_MARK)
        running = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):
            running.run(sockets=[sock])
    if not running.started:
        raise SystemExit(1)


async def work(app: App, queues: Sequence[str]) -> None:
    """Serve task queues until told to stop, waiting for Temporal as long as it takes. Raises UnknownQueue."""
    known = (CORE_QUEUE, *app.context.plugins.queues())
    if unknown := sorted(set(queues) - set(known)):
        raise UnknownQueue(f"there is no queue {', '.join(unknown)}; known: {', '.join(known)}")
    prepare(app.context.db, app.context.keyring)
    chosen = tuple(queues) or known
    dispatcher = Dispatcher(app.services.outbox, app.orchestrator)
    app.context.nudge = dispatcher.nudge
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    if not await _connected(app, stop):
        return
    calls = Calls()
    workers = build_workers(await app.orchestrator.client(), app.services, chosen, dispatcher.drain, calls)
    reconciler = Reconciler(app.services.reconciliation, app.orchestrator)
    beside = [asyncio.create_task(work) for work in (dispatcher.run(), reconciler.run())]
    # What is loaded by now lives as long as the process: no collection needs to walk through it again.
    gc.freeze()
    log.info("working on %s", ", ".join(chosen))
    if app.settings.data_dir.is_dir():
        _mark(app.settings.data_dir / WORKER_MARK, queues=chosen)
    try:
        await serve_queues(workers, stop, calls)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _connected(app: App, stop: asyncio.Event) -> bool:
    """Wait until Temporal is there and prepared; `False` when told to stop before."""
    loop = asyncio.get_running_loop()
    tell_at = loop.time()
    while not stop.is_set():
        try:
            await app.orchestrator.prepare()
            return True
        except OrchestratorUnavailable as err:
            if loop.time() >= tell_at:
                log.warning("%s Trying every second; told once a minute.", err)
                tell_at = loop.time() + REMIND_SECONDS
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CONNECT_PAUSE)
    return False


def _mark(path: Path, **facts: Any) -> None:
    """Say that this process works; whoever started it looks for that."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"pid": os.getpid(), **facts}))
    temporary.replace(path)
