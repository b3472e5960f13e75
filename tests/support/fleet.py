"""Inventories of any size, written straight into the tables: no keys, no signatures, but every index.

A million rows are made by the database itself, of numbers, and the indexes afterwards: row by row it takes hours.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Index, insert, text
from sqlalchemy.schema import CreateIndex, DropIndex

from certrail.persistence.database import Database
from certrail.persistence.tables import Certificate, CertificateSearchTerm, Lineage

BATCH = 50_000
PEM = "-----BEGIN CERTIFICATE-----\n" + "A" * 900 + "\n-----END CERTIFICATE-----\n"
SPREAD_DAYS = 400
"""Over how many days, from the first, the certificates of a fleet end."""
STRIDE = 7919
"""So that neighbours in the list do not end together."""
NAME = "'host-' || n || '.fleet-' || (n % 97) || '.example.com'"
ENDS = f"((n * {STRIDE}) % :count) * {SPREAD_DAYS * 86400} / :count"
TABLES = (Lineage, Certificate, CertificateSearchTerm)
FIRST = {Lineage: "l000000000", Certificate: "c000000000"}
SQLITE = {
    "instant": "datetime(:start, '+' || ({seconds}) || ' seconds') || '.000000'",
    "padded": "printf('%09d', n)",
    "serial": "printf('%x', n + 1)",
    "fingerprint": "printf('%064x', n)",
    "json": "{text}",
}
POSTGRESQL = {
    "instant": "cast(:start as timestamptz) + ({seconds}) * interval '1 second'",
    "padded": "lpad(n::text, 9, '0')",
    "serial": "to_hex(n + 1)",
    "fingerprint": "lpad(to_hex(n), 64, '0')",
    "json": "cast({text} as json)",
}


def certificate_of(number: int, count: int, application: str, start: datetime) -> dict[str, Any]:
    """The row of one certificate among so many: issued one by one, ending all over the year."""
    name = f"host-{number}.fleet-{number % 97}.example.com"
    ends = start + timedelta(seconds=(number * STRIDE) % count * SPREAD_DAYS * 86400 // count)
    return {
        "id": f"c{number:09d}",
        "created_at": start + timedelta(seconds=number),
        "application_id": application,
        "lineage_id": f"l{number:09d}",
        "status": "active",
        "serial": f"{number + 1:x}",
        "fingerprint": f"{number:064x}",
        "common_name": name,
        "names": {"dns": [name, f"www.{name}"]},
        "unreadable": [],
        "key_algorithm": "EC_P256",
        "not_before": start,
        "not_after": ends,
        "pem": PEM,
        "chain": [],
        "attributes": {"team": f"team-{number % 50}", "rack": f"r-{number}"},
    }


def fill(
    database: Database,
    count: int,
    application: str,
    start: datetime,
    progress: Callable[[int], None] = lambda _count: None,
    *,
    searchable: bool = True,
) -> None:
    """Add a fleet to an Application; one that nobody searches is written faster."""
    first = certificate_of(0, count, application, start)
    lineage = {
        "id": first["lineage_id"],
        "created_at": start,
        "application_id": application,
        "current_certificate_id": first["id"],
        "renew_at": first["not_after"] - timedelta(days=1),
    }
    with _loading(database, anew=count > BATCH) as connection:
        connection.execute(insert(Lineage), [lineage])
        connection.execute(insert(Certificate), [first])
        words = SQLITE if database.is_sqlite else POSTGRESQL
        instant = start.astimezone(UTC)
        values = {"count": count, "start": instant.strftime("%F %T") if database.is_sqlite else instant}
        numbers = "with recursive numbers(n) as (select cast(:first as bigint) union all select n + 1 from numbers where n + 1 < :next) "  # noqa: E501
        statements = [_lineages(words), _certificates(words)]
        # The first row was written above, as the one that the others are made after; its terms were not.
        terms = _terms(words) if searchable else []
        for begin in range(0, count, BATCH):
            bounds = {"first": begin, "next": min(begin + BATCH, count)}
            for statement in statements:
                connection.execute(text(_numbered(statement, numbers, "where n > 0")), {**values, **bounds})
            for statement in terms:
                used = {name: value for name, value in values.items() if f":{name}" in statement}
                own = {"application": application, **used, **bounds}
                connection.execute(text(_numbered(statement, numbers, "")), own)
            progress(bounds["next"])


def _numbered(statement: str, numbers: str, where: str) -> str:
    into, select = statement.split(" select ", 1)
    return f"{into} {numbers} select {select} {where}"


def _lineages(words: dict[str, str]) -> str:
    return _insert(
        Lineage,
        {
            "id": f"'l' || {words['padded']}",
            "created_at": words["instant"].format(seconds="n"),
            "current_certificate_id": f"'c' || {words['padded']}",
            "renew_at": words["instant"].format(seconds=f"{ENDS} - 86400"),
        },
    )


def _certificates(words: dict[str, str]) -> str:
    names = f"""'{{"dns": ["' || {NAME} || '", "www.' || {NAME} || '"]}}'"""
    attributes = """'{"team": "team-' || (n % 50) || '", "rack": "r-' || n || '"}'"""
    return _insert(
        Certificate,
        {
            "id": f"'c' || {words['padded']}",
            "created_at": words["instant"].format(seconds="n"),
            "lineage_id": f"'l' || {words['padded']}",
            "serial": words["serial"],
            "fingerprint": words["fingerprint"],
            "common_name": NAME,
            "names": words["json"].format(text=names),
            "not_after": words["instant"].format(seconds=ENDS),
            "attributes": words["json"].format(text=attributes),
        },
    )


def _insert(table: Any, made: dict[str, str]) -> str:
    """Rows like the one that is there, but for what is made of their number."""
    columns = [column.name for column in table.__table__.columns]
    chosen = ", ".join(made.get(name, f"template.{name}") for name in columns)
    name = table.__tablename__
    first = FIRST[table]
    template = f"(select * from {name} where id = '{first}') as template"
    return f"insert into {name} ({', '.join(columns)}) select {chosen} from numbers, {template}"


def _terms(words: dict[str, str]) -> list[str]:
    values = {
        NAME: "name",
        f"'www.' || {NAME}": "name",
        "'rack=r-' || n": "metadata",
        "'team=team-' || (n % 50)": "metadata",
    }
    columns = "certificate_id, kind, value, reversed, application_id, created_at"
    created = words["instant"].format(seconds="n")
    return [
        f"insert into certificate_search_term ({columns}) select 'c' || {words['padded']}, '{kind}', {value}, "
        f"{f'reverse({value})' if kind == 'name' else 'null'}, :application, {created} from numbers"
        for value, kind in values.items()
    ]


def _loading(database: Database, *, anew: bool) -> AbstractContextManager[Connection]:
    """A transaction that writes without foreign keys, and makes the indexes `anew` after it if there is much."""

    @contextmanager
    def loading() -> Any:
        with database.engine.begin() as connection:
            if database.is_sqlite:
                raw: Any = connection.connection.driver_connection
                raw.create_function("reverse", 1, lambda value: value[::-1], deterministic=True)
            else:
                connection.exec_driver_sql("set local session_replication_role = replica")
            indexes = [index for table in TABLES for index in _indexes(table)] if anew else []
            for index in indexes:
                connection.execute(DropIndex(index))
            yield connection
            for index in indexes:
                connection.execute(CreateIndex(index))
        with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for table in TABLES:
                connection.exec_driver_sql(f"ANALYZE {table.__tablename__}")

    return loading()


def _indexes(table: Any) -> list[Index]:
    return sorted(table.__table__.indexes, key=lambda index: str(index.name))
