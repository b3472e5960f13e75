"""Counts what is sent to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from certrail.persistence.database import Database

_TRANSACTION = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement that is executed meanwhile, in order, without those that only open or close transactions."""
    seen: list[str] = []

    def before(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(_TRANSACTION):
            seen.append(" ".join(statement.split()))

    event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
