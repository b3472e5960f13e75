"""Whether the database has a schema that this process can work on: at its start, and while it runs."""

import logging
import threading
from collections.abc import Callable

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.persistence.migrate import Schema, migrate, newest, schema_of
from certrail.services.core.audit_seal import empty_head

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


class NotMigrated(Exception):
    """The database has a schema that this version cannot work on; the message says what to do."""


def prepare(database: Database, keyring: Keyring) -> None:
    """Migrate an embedded database; a shared one is migrated by hand.

    A schema that a newer version has only expanded is worked on: that is how two versions run side by side.

    Raises:
        NotMigrated: the database is behind this version, or too far ahead of it.
    """
    found = schema_of(database)
    if found.is_behind:
        if not database.is_sqlite:
            raise NotMigrated("The database is behind this version. Run: certrail migrate")
        migrate(database, lambda: empty_head(keyring))
    elif found.is_unsupported:
        raise NotMigrated(too_new(found))
    elif found.is_newer:
        log.warning(
            "a newer version has migrated the database to schema %s; this one knows %s and goes on beside it",
            found.present,
            newest(),
        )


def too_new(found: Schema) -> str:
    """What to say of a schema that this version does not bear."""
    return (
        f"The database has schema {found.present}, for processes that know {found.oldest or found.present} or later;"
        f" this version knows {newest()}. Start the new version, and no process of this one."
    )


class SchemaWatch:
    """Looks every few seconds, in a thread: a process that ran on would fail at everything it does."""

    def __init__(self, database: Database, stop: Callable[[], None]) -> None:
        self._database, self._stop = database, stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schema-watch", daemon=True)

    def __enter__(self) -> "SchemaWatch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                found = schema_of(self._database)
            except Exception as problem:
                log.debug("the schema cannot be looked up now: %s", type(problem).__name__)
                continue
            if found.is_unsupported:
                log.error("%s", too_new(found))
                self._stop()
                return
