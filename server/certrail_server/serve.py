"""The server process, and what it shares with workers."""

from contextlib import suppress

import uvicorn

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate, pending
from certrail.services.core.audit_seal import empty_head
from certrail_server.bootstrap import App
from certrail_server.http_protocol import LARGEST_HEADERS, LimitedProtocol, prepare_process
from certrail_server.marks import SERVER_MARK, mark
from certrail_server.ports import listening


class NotMigrated(Exception):
    """The database is behind this version."""


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
            mark(settings.data_dir / SERVER_MARK)
        running = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):
            running.run(sockets=[sock])
    if not running.started:
        raise SystemExit(1)
