"""What the reconciliation reads does not grow with what is finished: its partial indexes are used."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, String, UniqueConstraint, inspect, text
from sqlmodel import SQLModel, col, select
from tests.integration.conftest import Team
from tests.integration.flight_world import FIRST, Flight, in_flight

from certrail.persistence.database import Database
from certrail.services.core.outbox import OpenObjects
from certrail.services.facade import OPEN_OBJECTS

FINISHED = 4_000
"""Rows of each table, beside one to seven that are open."""
STEPS_APART = 1.25

WITHOUT_INDEX = ("crl_copy",)
"""It has a row for each authority and mirror, so it stays small."""

CLOSED = {
    "certificate_request": {"status": "'issued'"},
    "lineage": {"renewal_wait": "null"},
    "revocation_request": {"status": "'revoked'"},
    "approval_message": {"closed_at": "created_at", "reference": "'1.0'"},
    "delivery": {"status": "'removed'"},
    "retirement": {"status": "'removed'"},
    "notification": {"status": "'sent'"},
    "acme_challenge": {"status": "'valid'"},
}
"""By table, how a row of it is finished."""


@pytest.fixture
async def flight(team: Team, tmp_path: Path) -> Flight:
    folder = tmp_path / "files"
    folder.mkdir(mode=0o700)
    return await in_flight(team, folder)


def test_every_table_is_filled() -> None:
    assert {kind.table.__tablename__ for kind in OPEN_OBJECTS} == {*CLOSED, *WITHOUT_INDEX}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_takes_as_many_steps_for_many_rows(flight: Flight) -> None:
    """Steps of its virtual machine, not seconds: the same on every machine."""
    reconciliation, database = flight.team.services.reconciliation, flight.team.services.context.db

    def steps() -> int:
        with counting_steps(database) as counted:
            report = reconciliation.report(FIRST)
            assert len(reconciliation.sample()) > 5
        assert all(report.needing.values())
        return counted()

    few = steps()
    with database.engine.connect() as connection:
        # On the driver's connection: within a transaction, which SQLAlchemy begins, it would do nothing.
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA foreign_keys=OFF")
        fill(connection)
    database.engine.dispose()
    assert steps() < few * STEPS_APART


@contextmanager
def counting_steps(database: Database) -> Iterator[Callable[[], int]]:
    """Steps of everything that is run in one connection of the pool, which is the only one."""
    database.engine.dispose()
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    raw = database.engine.raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.set_progress_handler(count, 1)
    raw.close()
    yield lambda: counted
    driver.set_progress_handler(None, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_reads_no_row_that_is_finished(flight: Flight) -> None:
    with flight.team.services.context.db.engine.connect() as connection:
        connection.execute(text("set session_replication_role = replica"))
        fill(connection)
        connection.execute(text("set session_replication_role = origin"))
        connection.execute(text("analyze"))
        connection.commit()
        for kind in OPEN_OBJECTS:
            table = kind.table.__tablename__
            if table in WITHOUT_INDEX:
                continue
            for node in scans(connection, kind):
                read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                assert node.get("Relation Name") != table or read < 50, (kind.name, node)


def scans(connection: Connection, kind: OpenObjects) -> Iterator[dict[str, Any]]:
    """The nodes of the plan by which one page of a kind is read."""
    query = select(kind.table.id).where(kind.condition).order_by(col(kind.table.id)).limit(100)
    written = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
    found = connection.execute(text(f"explain (analyze, format json) {written}".replace(":", r"\:")))
    (plan,) = found.scalars().all()
    waiting = [(json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        yield node


def fill(connection: Connection) -> None:
    """Copy one row of each table many times, finished, under keys that nobody has."""
    for table, closing in CLOSED.items():
        columns = [column["name"] for column in inspect(connection).get_columns(table)]
        values = {name: f'"{name}"' for name in columns} | closing
        values |= unique(table, connection)
        names = ", ".join(f'"{name}"' for name in columns)
        made = ", ".join(values[name] for name in columns)
        numbers = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {FINISHED})"
        one = f'(select * from "{table}" limit 1) as one'
        connection.exec_driver_sql(
            f'insert into "{table}" ({names}) {numbers} select {made} from {one}, n'
            if connection.dialect.name == "postgresql"
            else f'{numbers} insert into "{table}" ({names}) select {made} from {one}, n'
        )
    connection.commit()


def unique(table: str, connection: Connection) -> dict[str, str]:
    """Texts that are part of a key, each with the number of its row."""
    described = SQLModel.metadata.tables[table]
    names = {column.name for column in described.primary_key.columns}
    for constraint in described.constraints:
        if isinstance(constraint, UniqueConstraint):
            names |= {column.name for column in constraint.columns}
    for index in described.indexes:
        if index.unique:
            names |= {column.name for column in index.columns}
    columns = inspect(connection).get_columns(table)
    texts = {column["name"] for column in columns if isinstance(column["type"], String)} & names
    return {name: f"'copy-' || i || '-{name[:8]}'" for name in texts - set(CLOSED[table])}
