"""Brings a database to the schema of this version, and says whether this version can work on the schema that is there.

A schema is changed in two releases, so that processes of two versions can work side by side: one *expands* it, by what
the processes of the release before do not notice, and a later one *contracts* it, by what nobody uses any more. Each
revision writes into the database which revisions' processes may work on it; those do not have its script.

Alembic is loaded only when there is something to do: every process looks, and nearly always there is nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from certrail.persistence.database import Database

SCRIPTS = Path(__file__).parent / "migrations"
LOCK_TIMEOUT = "3s"
LOCK_ATTEMPTS, LOCK_PAUSE = 20, 1.0
MIGRATION_LOCK = 7_216_843_017
"""Key of the advisory lock that one migration holds (PostgreSQL)."""


@dataclass(frozen=True)
class Schema:
    """The schema of a database, as this version sees it.

    Attributes:
        present: its revision; ``None`` for an empty database.
        oldest: the oldest revision whose processes may work on it.
    """

    present: str | None
    oldest: str | None

    @property
    def is_behind(self) -> bool:
        """Whether this version has migrations for it."""
        return self.present is None or self.present < newest()

    @property
    def is_newer(self) -> bool:
        """Whether a later version has migrated it."""
        return self.present is not None and self.present > newest()

    @property
    def is_unsupported(self) -> bool:
        """Whether it was changed further than processes of this version may bear."""
        return self.is_newer and (self.oldest is None or self.oldest > newest())


def schema_of(database: Database) -> Schema:
    """Look which schema a database has."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return Schema(None, None)
        present = connection.execute(text("select version_num from alembic_version")).scalar()
        oldest = connection.execute(text("select oldest_revision from schema_support")).scalar()
    return Schema(present, oldest)


def pending(database: Database) -> bool:
    """Whether the database is behind this version."""
    return schema_of(database).is_behind


def migrate(database: Database, empty_head: Callable[[], Mapping[str, Any]], revision: str = "head") -> None:
    """Apply what is missing; doing it twice is fine, and at the same time too.

    On PostgreSQL it waits for a table's lock for three seconds at a time: a statement that waits for one holds up
    everybody behind it, and the processes of the version before go on meanwhile.

    Args:
        empty_head: makes the sealed head of the audit log that a new database gets, in the transaction of its schema.

    Raises:
        OperationalError: a lock was not to be had in a minute; what was applied so far is kept.
    """
    if revision == "head" and not pending(database):
        return
    with database.engine.execution_options(certrail_write=True).connect() as connection, _alone(connection):
        for attempt in range(1, LOCK_ATTEMPTS + 1):
            try:
                _upgrade(connection, empty_head, revision)
            except OperationalError:
                connection.rollback()
                if database.is_sqlite or attempt == LOCK_ATTEMPTS:
                    raise
                sleep(LOCK_PAUSE)
            else:
                return


def _upgrade(connection: Connection, empty_head: Callable[[], Mapping[str, Any]], revision: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    config.attributes["audit_head"] = empty_head
    command.upgrade(config, revision)
    connection.commit()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Under an advisory lock of the session: a second migration waits, and finds nothing to do."""
    if connection.dialect.name == "sqlite":
        yield
        return
    connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("set lock_timeout = default"))
        connection.execute(text("select pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def newest() -> str:
    """The last revision, by the names of the scripts: ``v0001_schema.py`` makes revision 0001."""
    return max(script.name[1:5] for script in (SCRIPTS / "versions").glob("v[0-9]*.py"))
