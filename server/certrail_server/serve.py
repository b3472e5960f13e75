"""The server process, and what it shares with workers."""

from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from certrail.services.operations.schema_watch import SchemaWatch, prepare
from certrail_server.bootstrap import App
from certrail_server.heartbeat import process_heartbeat
from certrail_server.http_protocol import LARGEST_HEADERS, LimitedProtocol, prepare_process
from certrail_server.marks import SERVER_MARK, mark
from certrail_server.ports import listening
from certrail_server.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(app: App) -> None:
    """Serve HTTP until told to stop, or the schema becomes too new. Raises CannotListen, NotMigrated."""
    prepare(app.context.db, app.context.keyring)
    settings = app.settings
    prepare_process()
    config = configured(app.http(), settings)
    with listening(settings.port, settings.host) as sock:
        if settings.data_dir.is_dir():
            mark(settings.data_dir / SERVER_MARK)
        running = uvicorn.Server(config)
        watch = SchemaWatch(app.context.db, lambda: setattr(running, "should_exit", True))
        with watch, process_heartbeat(app.services.heartbeats, "server"), suppress(KeyboardInterrupt):
            running.run(sockets=[sock])
    if not running.started:
        raise SystemExit(1)


def configured(http: "FastAPI", settings: Settings) -> uvicorn.Config:
    """How the HTTP application is served."""
    return uvicorn.Config(
        http,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=LimitedProtocol,
        ws="none",
        # Without proxies of ours, uvicorn would believe the headers of every process of this machine.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=sorted(settings.trusted_proxies),
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        timeout_graceful_shutdown=10,
    )
