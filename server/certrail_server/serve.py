"""The server process, and what it shares with workers."""

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from certrail.services.operations.schema_watch import SchemaWatch, prepare
from certrail_server.bootstrap import App
from certrail_server.client_certificates import ClientCertificates
from certrail_server.est_listener import Server, est_listener
from certrail_server.heartbeat import process_heartbeat
from certrail_server.http_protocol import LARGEST_HEADERS, LimitedProtocol, prepare_process
from certrail_server.marks import SERVER_MARK, mark
from certrail_server.ports import listening
from certrail_server.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(app: App) -> None:
    """Serve HTTP until told to stop, or the schema becomes too new.

    Raises:
        CannotListen: a port is taken, an address is none of this machine, or a certificate cannot be used.
        NotMigrated: the schema of the database is not that of this version.
    """
    prepare(app.context.db, app.context.keyring)
    settings = app.settings
    prepare_process()
    http = app.http()
    config = configured(http, settings)
    est = est_listener(http, app.services, settings, config)
    # A third of a million objects live as long as the process: a collection of all of them would stop every call.
    gc.freeze()
    with listening(settings.port, settings.host) as sock:
        if settings.data_dir.is_dir():
            mark(settings.data_dir / SERVER_MARK)
        running = Server(config, est)
        watch = SchemaWatch(app.context.db, lambda: setattr(running, "should_exit", True))
        with watch, process_heartbeat(app.services.heartbeats, "server"), suppress(KeyboardInterrupt):
            running.run(sockets=[sock])
    if not running.started:
        raise SystemExit(1)


def configured(http: "FastAPI", settings: Settings) -> uvicorn.Config:
    """How the HTTP application is served."""
    return uvicorn.Config(
        behind_proxies(http, settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=LimitedProtocol,
        ws="none",
        # Those of trusted proxies are read in `behind_proxies`; uvicorn would believe every process of this machine.
        proxy_headers=False,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        timeout_graceful_shutdown=10,
    )


def behind_proxies(http: "FastAPI", settings: Settings) -> Any:
    """The application with what trusted proxies say of their clients: address, scheme, certificate."""
    if not settings.trusted_proxies:
        return http
    inner: Any = http
    app: Any = ProxyHeadersMiddleware(inner, trusted_hosts=sorted(settings.trusted_proxies))
    if settings.client_certificate_header is not None:
        app = ClientCertificates(app, settings.client_certificate_header, settings.trusted_proxies)
    return app
