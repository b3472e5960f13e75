"""How a database goes about a query."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from certrail.persistence.database import Database


@contextmanager
def plans_of(database: Database) -> Iterator[list[str]]:
    """The plan of every query that is sent meanwhile."""
    plans: list[str] = []
    word = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def explain(connection: Connection, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if statement.startswith("SELECT"):
            rows = connection.exec_driver_sql(word + statement, values).all()
            plans.append("\n".join(str(row[-1]) for row in rows))

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)
