"""Two steps at the same moment, of which one has done everything but commit."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import count
from threading import current_thread, main_thread
from typing import Any

from sqlalchemy import event
from tests.integration.conftest import Team

WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def meanwhile(
    team: Team, first: Callable[[], object], second: Callable[[], Any], commit: int = 1, statement: str = ""
) -> Any:
    """Do one thing, and before its first commit, or a later one, another, until that is done or waits for a row.

    Args:
        statement: how a statement begins before which the other is done, instead of a commit.
    """
    db, coming, commits = team.services.context.db, list[Future[Any]](), count(1)

    def somebody_waits() -> bool:
        with db.engine.connect() as connection:
            return bool(connection.exec_driver_sql(WAITING).first())

    def pause(_connection: object) -> None:
        if current_thread() is main_thread() and next(commits) == commit:
            coming.append(pool.submit(second))
            # SQLite lets one writer in at a time: there the second one does not even begin.
            while not db.is_sqlite and not coming[0].done() and not somebody_waits():
                wait(coming, timeout=0.01)

    def about_to_execute(_connection: object, _cursor: object, text: str, *_more: object) -> None:
        if text.startswith(statement):
            pause(_connection)

    hook, listener = ("before_cursor_execute", about_to_execute) if statement else ("commit", pause)
    with ThreadPoolExecutor(1) as pool:
        event.listen(db.engine, hook, listener)
        try:
            first()
            return coming[0].result(60)
        finally:
            event.remove(db.engine, hook, listener)
