"""The two long-running production processes."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from certrail.persistence.migrate import migrate, pending
from certrail.services.dispatcher import Dispatcher
from certrail_server.bootstrap import App
from certrail_workflows.client import ensure_schedules
from certrail_workflows.policies import CORE_QUEUE
from certrail_workflows.worker import build_workers, run_workers

log = logging.getLogger(__name__)

CONNECT_PAUSE = 1.0


class NotMigrated(Exception):
    """The database is behind this version."""


def prepare(app: App) -> None:
    """Migrate an embedded database; a shared one is migrated by hand. Raises NotMigrated."""
    if app.kernel.db.is_sqlite:
        migrate(app.kernel.db)
    elif pending(app.kernel.db):
        raise NotMigrated("The database is behind this version. Run: certrail migrate")


def serve(app: App) -> None:
    """Serve HTTP until told to stop."""
    prepare(app)
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
    prepare(app)
    chosen = tuple(queues) or (CORE_QUEUE, *app.kernel.plugins.queues())
    dispatcher = Dispatcher(app.services.outbox, app.orchestrator)
    app.kernel.nudge = dispatcher.nudge
    running = asyncio.current_task()
    assert running is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    mark = app.settings.data_dir / "worker.json"
    with suppress(asyncio.CancelledError):
        await _until_connected(app)
        client = await app.orchestrator.client()
        if CORE_QUEUE in chosen:
            await ensure_schedules(client)
        workers = build_workers(client, app.services, dispatcher, chosen)
        log.info("working on %s", ", ".join(chosen))
        async with asyncio.TaskGroup() as group:
            group.create_task(dispatcher.run())
            group.create_task(run_workers(workers))
            if app.settings.data_dir.is_dir():
                _mark(mark, chosen)


async def _until_connected(app: App) -> None:
    while not await app.orchestrator.health():
        log.warning("no Temporal at %s yet; trying again", app.orchestrator.address)
        await asyncio.sleep(CONNECT_PAUSE)


def _mark(path: Path, queues: Sequence[str]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"pid": os.getpid(), "queues": list(queues)}))
    temporary.replace(path)
