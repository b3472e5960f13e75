"""All reads of a call are one transaction, until it writes or waits."""

import threading
from contextlib import AbstractContextManager
from contextvars import copy_context

from sqlalchemy import QueuePool
from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.statements import traffic

from certrail.persistence.database import POOL_SIZE, Database, end_shared_read
from certrail.persistence.tables import Application


def slug_of(database: Database, ident: str) -> str:
    with database.read() as session:
        return session.get_one(Application, ident).slug


def checked_out(database: Database) -> int:
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


def test_reads_share_a_transaction_and_ask_for_a_row_once(team: Team) -> None:
    database = team.services.context.db
    with traffic(database) as seen, database.shared_read() as shared:
        assert not shared.is_open, "a call that reads nothing opens nothing"
        assert slug_of(database, team.application) == slug_of(database, team.application) == "app"
        assert shared.is_open
    assert seen.counts == (1, 1), seen.listed
    assert not shared.is_open
    assert checked_out(database) == 0


def test_a_write_ends_a_shared_read_and_is_seen_after_it(team: Team) -> None:
    """Else a snapshot from before the write would answer the call that wrote."""
    database = team.services.context.db
    with database.shared_read():
        assert slug_of(database, team.application) == "app"
        team.services.applications.update(team.admin, team.application, slug="other")
        assert slug_of(database, team.application) == "other"
        assert checked_out(database) == 0


def test_what_is_done_to_a_row_that_was_read_is_not_written(team: Team) -> None:
    database = team.services.context.db
    with database.shared_read():
        with database.read() as session:
            row = session.get_one(Application, team.application)
        row.slug = "mine"
        with database.read() as session:
            assert session.exec(select(Application.slug)).one() == "app"
    assert slug_of(database, team.application) == "app"


def test_no_more_are_open_than_the_pool_keeps_connections(team: Team) -> None:
    """Calls that wait for a thread would else hold all connections that the threads wait for."""
    database, calls = team.services.context.db, [copy_context() for _ in range(POOL_SIZE + 3)]
    reads = [database.shared_read() for _ in calls]

    def begin(shared: AbstractContextManager[object]) -> None:
        shared.__enter__()
        slug_of(database, team.application)

    for call, shared in zip(calls, reads, strict=True):
        call.run(begin, shared)
    assert checked_out(database) == POOL_SIZE, "the others had a transaction of their own"
    for call, shared in zip(calls, reads, strict=True):
        call.run(shared.__exit__, None, None, None)
    assert checked_out(database) == 0


def test_a_wait_ends_a_shared_read_and_no_other_thread_joins_one(team: Team) -> None:
    database, elsewhere = team.services.context.db, list[int]()

    def read() -> None:
        with traffic(database) as seen:
            slug_of(database, team.application)
        elsewhere.append(seen.transactions)

    with database.shared_read() as shared:
        slug_of(database, team.application)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(60)
        assert elsewhere == [1]
        end_shared_read()
        assert not shared.is_open
