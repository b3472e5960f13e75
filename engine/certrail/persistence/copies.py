"""Consistent copies of a database that is written meanwhile, and their way back into an empty one."""

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Connection, inspect, text
from typing_extensions import override

from certrail.persistence.database import Database

PRIVATE = 0o600


class CopyError(Exception):
    """A database cannot be copied or filled; the message says what to do and holds no credential."""


@dataclass(frozen=True)
class Contents:
    """What one snapshot of a database holds.

    Attributes:
        revision: of the schema, as the last migration left it.
        rows: how many, by table.
        head: number and hash of the last event.
    """

    revision: str
    rows: Mapping[str, int]
    head: tuple[int, str]


class Copies(ABC):
    """Copies of one kind of database.

    Attributes:
        kind: as the manifest of a backup names it.
        part: file name of a copy.
    """

    kind: ClassVar[str]
    part: ClassVar[str]

    @abstractmethod
    def copy(self, database: Database, target: Path) -> Contents:
        """Write one snapshot to a new file, while others go on writing. Raises CopyError."""

    @abstractmethod
    def require_empty(self, database: Database) -> None:
        """Refuse a database that holds anything. Raises CopyError."""

    @abstractmethod
    @contextmanager
    def filled(self, database: Database, source: Path) -> Iterator[Database]:
        """The copy as a database, to be checked: it stays when the block ends, and is gone when the block raises.

        Raises:
            CopyError: it cannot be filled; it is as empty as before.
        """


def contents(connection: Connection) -> Contents:
    """What the connection's transaction sees."""
    names = sorted(inspect(connection).get_table_names())
    quoted = {name: connection.dialect.identifier_preparer.quote(name) for name in names}
    rows = {
        name: int(connection.execute(text(f"select count(*) from {as_sql}")).scalar_one())  # noqa: S608  a quoted name
        for name, as_sql in quoted.items()
    }
    seq, hash_ = connection.execute(text("select seq, hash from audit_chain_head")).one()
    revision = connection.execute(text("select version_num from alembic_version")).scalar_one()
    return Contents(str(revision), rows, (int(seq), str(hash_)))


class SqliteCopies(Copies):
    """By SQLite's online backup API, in one step: it reads one snapshot, and in WAL mode holds up no writer."""

    kind, part = "sqlite", "database.sqlite3"

    @override
    def copy(self, database: Database, target: Path) -> Contents:
        """Write one snapshot to a new file. Raises CopyError."""
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        with closing(sqlite3.connect(target, isolation_level=None)) as copied:
            source = database.engine.raw_connection()
            try:
                source.driver_connection.backup(copied)  # type: ignore[union-attr]
            finally:
                source.close()
            # The header of the copy says WAL: a backup is one file without a journal beside it.
            copied.execute("PRAGMA journal_mode=DELETE")
            _require_whole(copied)
        with _opened(target) as there, there.engine.connect() as connection:
            return contents(connection)

    @override
    def require_empty(self, database: Database) -> None:
        """Refuse a file that is there, or a journal that another database left. Raises CopyError."""
        file = _file_of(database)
        for path in (file, *(file.with_name(f"{file.name}-{kind}") for kind in ("wal", "journal"))):
            if path.exists():
                raise CopyError(
                    f"There is a database at {path}. Restore to another place: set CERTRAIL_DATA_DIR or"
                    " CERTRAIL_DATABASE_URL, or move it away."
                )

    @override
    @contextmanager
    def filled(self, database: Database, source: Path) -> Iterator[Database]:
        """Checked beside its place, then renamed: nobody ever opens half a database."""
        file = _file_of(database)
        staged = file.with_name(f".{file.name}.restored")
        staged.unlink(missing_ok=True)
        try:
            os.close(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE))
            _copy_file(source, staged)
            with closing(sqlite3.connect(staged)) as whole:
                _require_whole(whole)
            with _opened(staged) as there:
                yield there
            with closing(sqlite3.connect(staged, isolation_level=None)) as ended:
                ended.execute("PRAGMA journal_mode=DELETE")
            _sync(staged)
            # Unlike a rename, a link does not replace a database that was made meanwhile.
            os.link(staged, file)
            _sync(file.parent)
        except FileExistsError:
            raise CopyError(f"A database was made at {file} meanwhile; it is left as it is.") from None
        except OSError as problem:
            raise CopyError(f"The database {file} cannot be written: {problem.strerror}.") from None
        finally:
            for leftover in file.parent.glob(f"{staged.name}*"):
                leftover.unlink()


def _file_of(database: Database) -> Path:
    return Path(str(database.engine.url.database))


@contextmanager
def _opened(file: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{file}")
    try:
        yield database
    finally:
        database.close()


def _require_whole(connection: sqlite3.Connection) -> None:
    try:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as problem:
        found = str(problem)
    if found != "ok":
        raise CopyError(f"The SQLite database is damaged: {found}.")


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        while chunk := read.read(1 << 20):
            written.write(chunk)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
