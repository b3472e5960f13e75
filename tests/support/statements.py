"""Counts what is sent to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from certrail.persistence.database import Database

_TRANSACTION = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")


@dataclass
class Traffic:
    """What was sent meanwhile.

    Attributes:
        statements: in order; savepoints are among them, and many rows in one `executemany` are one.
        transactions: how many began, of reads and of writes.
        commits: how many ended with a commit.
    """

    statements: list[str] = field(default_factory=list)
    transactions: int = 0
    commits: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Statements and transactions."""
        return len(self.statements), self.transactions

    @property
    def listed(self) -> str:
        """For the message of an assertion."""
        return "\n".join([str(self.counts), *(text[:160] for text in self.statements)])


_counted: ContextVar[Traffic | None] = ContextVar("counted", default=None)


@contextmanager
def traffic(database: Database, *, own: bool = False) -> Iterator[Traffic]:
    """Everything that the process sends to a database within the block.

    Args:
        own: only what is sent for this context, in whatever thread: not by the tasks of a server beside it.
    """
    seen = Traffic()
    token = _counted.set(seen)

    def others() -> bool:
        return own and _counted.get() is not seen

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not others() and not statement.startswith("BEGIN"):
            seen.statements.append(" ".join(statement.split()))

    def began(_connection: object) -> None:
        seen.transactions += not others()

    def committed(_connection: object) -> None:
        seen.commits += not others()

    listeners: dict[str, Any] = {"before_cursor_execute": executed, "begin": began, "commit": committed}
    for name, listener in listeners.items():
        event.listen(database.engine, name, listener)
    try:
        yield seen
    finally:
        _counted.reset(token)
        for name, listener in listeners.items():
            event.remove(database.engine, name, listener)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement that is executed meanwhile, in order, without those that only open or close transactions."""
    with traffic(database) as seen:
        own: list[str] = []
        try:
            yield own
        finally:
            own += [text for text in seen.statements if not text.startswith(_TRANSACTION)]
