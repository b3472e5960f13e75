"""Sessions. Reads see a snapshot; a write holds what it needs until it commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from sqlite3 import SQLITE_BUSY
from sqlite3 import OperationalError as SqliteError
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, Select, create_engine, event, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, SQLModel

from certrail.persistence.fair_lock import FairLock

SQLITE_BUSY_SECONDS = 30
SQLITE_RETRY_SECONDS = 0.001
POOL_SIZE = 20

T = TypeVar("T")
S = TypeVar("S", bound=Select[*tuple[Any, ...]])


class Database:
    """One application database, SQLite or PostgreSQL (``postgresql+psycopg://``)."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        options: dict[str, Any] = {"pool_size": POOL_SIZE, "max_overflow": POOL_SIZE, "pool_pre_ping": True}
        if self.is_sqlite:
            options = {"connect_args": {"timeout": SQLITE_BUSY_SECONDS}, **options, "pool_pre_ping": False}
        # The texts of errors are logged, and what a row holds has no place there.
        self.shared_reads = BoundedSemaphore(POOL_SIZE)
        self._writers = FairLock(SQLITE_BUSY_SECONDS, _locked_out) if self.is_sqlite else nullcontext()
        self.engine: Engine = create_engine(parsed, hide_parameters=True, **options)
        event.listen(self.engine, "handle_error", _without_details)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads: that of `shared_read` within one, else a new one."""
        shared = _shared.get()
        if shared is not None and shared.takes_part(self):
            with shared.joined() as session:
                yield session
            return
        with _Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on an error.

        On SQLite the write lock is taken at once: a lock upgraded later could fail in the middle. A fair
        lock orders the threads of this process before it. A shared read ends here: what is read after the write has to
        show it.

        Raises:
            OperationalError: SQLite's write lock was not to be had in `SQLITE_BUSY_SECONDS`.
        """
        end_shared_read()
        engine = self.engine.execution_options(certrail_write=True)
        with self._writers, _Session(engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def shared_read(self) -> Iterator["SharedRead"]:
        """Give all reads in this context, until the first write, one transaction, and each row one statement.

        Where as many are open as the pool keeps connections, each read has a transaction of its own: one that waits for
        a thread with its connection in hand must not wait for those that wait for a connection.
        """
        shared = SharedRead(self)
        token = _shared.set(shared)
        try:
            yield shared
        finally:
            _shared.reset(token)
            shared.end()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def locked(
    rows: S,
    *,
    skip_locked: bool = False,
    read: bool = False,
    for_deletion: bool = False,
    of: type[SQLModel] | None = None,
) -> S:
    """The same rows under ``FOR NO KEY UPDATE``, held until the transaction ends.

    Others go on inserting rows with a foreign key to them: an insert takes ``FOR KEY SHARE``, in whatever order its
    transaction comes to it, and would end in a deadlock with ``FOR UPDATE``. The rows are read anew: what the session
    loaded before it had the lock may be old by then.

    Args:
        skip_locked: rows that others hold are left out.
        read: others may hold them shared, too; nobody changes them meanwhile (``FOR SHARE``).
        for_deletion: inserts with a foreign key to them wait (``FOR UPDATE``), so that none is missed.
        of: the table whose rows are held, where others are joined. What these say may be older than the lock.
    """
    key_share = not (read or for_deletion)
    held = rows.with_for_update(skip_locked=skip_locked, key_share=key_share, read=read, of=of)
    return held.execution_options(populate_existing=True)


_REMEMBERED = "certrail remembered"
_HELD = "certrail held"


class _Session(Session):
    """A session that can hold its rows: by itself it forgets each that nobody else refers to, and loads it again."""


@event.listens_for(_Session, "loaded_as_persistent")
@event.listens_for(_Session, "pending_to_persistent")
def _hold(session: Session, instance: object) -> None:
    if (held := session.info.get(_HELD)) is not None:
        held.append(instance)


class SharedRead:
    """The session of a shared read, opened by the first of its reads; only one thread at a time uses it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Session | None = None
        self._ended = False

    @property
    def is_open(self) -> bool:
        """Whether there is a transaction to close."""
        return self._session is not None

    def takes_part(self, database: Database) -> bool:
        """Whether a read of this database joins, for which there is a session from now on."""
        if self._ended or database is not self._database:
            return False
        if self._session is None:
            if not database.shared_reads.acquire(blocking=False):
                return False
            # Without a flush: what a caller does to a row that it read is never written.
            self._session = _Session(database.engine, expire_on_commit=False, autoflush=False)
            self._session.info.update({_REMEMBERED: {}, _HELD: []})
        return True

    @contextmanager
    def joined(self) -> Iterator[Session]:
        """The session; it is over after an error of the database, as its transaction is."""
        assert self._session is not None
        try:
            yield self._session
        except SQLAlchemyError:
            self.end()
            raise

    def end(self) -> None:
        """Close the transaction; later reads have sessions of their own."""
        self._ended = True
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            finally:
                self._database.shared_reads.release()


_shared: ContextVar[SharedRead | None] = ContextVar("shared_read", default=None)


def end_shared_read() -> None:
    """End the shared read of this context, if there is one: before a write, and before a wait."""
    if (shared := _shared.get()) is not None:
        shared.end()


@contextmanager
def session_cache(session: Session) -> Iterator[None]:
    """For work on many rows in one transaction: what was loaded stays loaded, and `cached` asks once for each key."""
    if _REMEMBERED in session.info:
        yield
        return
    session.info.update({_REMEMBERED: {}, _HELD: []})
    try:
        yield
    finally:
        del session.info[_REMEMBERED], session.info[_HELD]


def cached(session: Session, key: tuple[object, ...], ask: Callable[[], T]) -> T:
    """The answer to a question that many rows have in common; outside of `session_cache` it is asked each time."""
    remembered = session.info.get(_REMEMBERED)
    if remembered is None:
        return ask()
    if key not in remembered:
        remembered[key] = ask()
    answer: T = remembered[key]
    return answer


def forget(session: Session, kind: str) -> None:
    """Have `cached` ask again for all keys that begin with this word: their answers were changed in the transaction."""
    remembered = session.info.get(_REMEMBERED, {})
    for key in [key for key in remembered if key[0] == kind]:
        del remembered[key]


def _without_details(context: ExceptionContext) -> None:
    """PostgreSQL quotes the row that it refuses in the details of its message; the first line names the rule."""
    original, raised = context.original_exception, context.sqlalchemy_exception
    first_line = getattr(getattr(original, "diag", None), "message_primary", None)
    if first_line is None:
        return
    if raised is not None:
        raised.args = (str(raised.args[0]).replace(str(original), first_line),)
    original.args = (first_line,)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions on its own terms: `_begin_sqlite` does, on ours.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("certrail_write", False):
        connection.exec_driver_sql("BEGIN")
        return
    # Other processes hold the write lock for milliseconds; SQLite's own pauses between two attempts grow to 100 ms, so
    # whoever has waited longest would ask most rarely.
    driver: Any = connection.connection.driver_connection
    until = monotonic() + SQLITE_BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except SqliteError as problem:
                if problem.sqlite_errorcode & 0xFF != SQLITE_BUSY or monotonic() > until:
                    raise OperationalError("BEGIN IMMEDIATE", None, problem) from problem
            sleep(SQLITE_RETRY_SECONDS)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")


def _locked_out() -> OperationalError:
    return OperationalError("BEGIN IMMEDIATE", None, SqliteError("database is locked"))
