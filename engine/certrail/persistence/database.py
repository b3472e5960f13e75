"""Sessions. Reads see a snapshot; a write holds what it needs until it commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

SQLITE_BUSY_SECONDS = 30
POOL_SIZE = 20

T = TypeVar("T")


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
        self.engine: Engine = create_engine(parsed, hide_parameters=True, **options)
        event.listen(self.engine, "handle_error", _without_details)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on an error.

        On SQLite the write lock is taken at once: a lock upgraded later could fail in the middle.
        """
        engine = self.engine.execution_options(certrail_write=True)
        with Session(engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def locked(
    rows: SelectOfScalar[T], *, skip_locked: bool = False, key_share: bool = False, read: bool = False
) -> SelectOfScalar[T]:
    """The same rows, held until the transaction ends.

    They are read anew: what the session loaded before it had the lock may be old by then.

    Args:
        may_be_named: others go on writing rows that name these, for which PostgreSQL looks at them under a lock too.
        read: others may hold them shared, too; nobody changes them meanwhile.
    """
    held = rows.with_for_update(skip_locked=skip_locked, key_share=key_share, read=read)
    return held.execution_options(populate_existing=True)


_REMEMBERED = "certrail remembered"


@contextmanager
def session_cache(session: Session) -> Iterator[None]:
    """For work on many rows in one transaction: what was loaded stays loaded, and `cached` asks once for each key."""
    held: list[object] = []

    def hold(_session: object, instance: object) -> None:
        held.append(instance)

    for timestamp in ("loaded_as_persistent", "pending_to_persistent"):
        event.listen(session, timestamp, hold)
    session.info[_REMEMBERED] = {}
    try:
        yield
    finally:
        del session.info[_REMEMBERED]
        for timestamp in ("loaded_as_persistent", "pending_to_persistent"):
            event.remove(session, timestamp, hold)


def cached(session: Session, key: tuple[object, ...], ask: Callable[[], T]) -> T:
    """The answer to a question that many rows have in common; outside of `session_cache` it is asked each time."""
    remembered = session.info.get(_REMEMBERED)
    if remembered is None:
        return ask()
    if key not in remembered:
        remembered[key] = ask()
    answer: T = remembered[key]
    return answer


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
    write = connection.get_execution_options().get("certrail_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
