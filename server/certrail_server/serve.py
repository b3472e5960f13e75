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

import uvicorn

from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate, pending
from certrail.services.dispatcher import Dispatcher
from certrail.services.orchestrator import OrchestratorUnavailable
from certrail_server.bootstrap import App
from certrail_workflows.messages import CORE_QUEUE
from certrail_workflows.worker import build_workers
from certrail_workflows.worker import serve as serve_queues

log = logging.getLogger(__name__)

CONNECT_PAUSE = 1.0


class NotMigrated(Exception):
    """The database is behind this version."""


def prepare(database: Database) -> None:
    """Migrate an embedded database; a shared one is migrated by hand. Raises NotMigrated."""
    if database.is_sqlite:
        migrate(database)
    elif pending(database):
        raise NotMigrated("The database is behind this version. Run: certrail migrate")


def serve(app: App) -> None:
    """Serve HTTP until told to stop."""
    prepare(app.kernel.db)
    settings = app.settings
    uvicorn.run(
        app.http(),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


async def work(app: App, queues: Sequence[str]) -> None:
    """Serve task queues until told to stop, waiting for Temporal as long as it takes."""
    prepare(app.kernel.db)
    chosen = tuple(queues) or (CORE_QUEUE, *app.kernel.plugins.queues())
    dispatcher = Dispatcher(app.services.outbox, app.orchestrator)
    app.kernel.nudge = dispatcher.nudge
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    if not await _connected(app, stop):
        return
    workers = build_workers(await app.orchestrator.client(), app.services, chosen, dispatcher.drain)
    dispatching = asyncio.create_task(dispatcher.run())
    # What is loaded by now lives as long as the process: no collection needs to walk through it again.
    gc.freeze()
    log.info("working on %s", ", ".join(chosen))
    if app.settings.data_dir.is_dir():
        _mark(app.settings.data_dir / "worker.json", chosen)
    try:
        await serve_queues(workers, stop)
    finally:
        dispatching.cancel()


async def _connected(app: App, stop: asyncio.Event) -> bool:
    """Wait until Temporal is there and prepared; `False` when told to stop before."""
    while not stop.is_set():
        try:
            await app.orchestrator.prepare()
            return True
        except OrchestratorUnavailable as err:
            log.warning("%s Trying again.", err)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CONNECT_PAUSE)
    return False


def _mark(path: Path, queues: Sequence[str]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"pid": os.getpid(), "queues": list(queues)}))
    temporary.replace(path)
