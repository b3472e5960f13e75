"""Inventories of any size, written straight into the tables: no keys, no signatures, but every index."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from certrail.persistence.database import Database
from certrail.persistence.tables import Certificate, CertificateTerm, Lineage
from certrail.persistence.terms import terms_of

BATCH = 5000
PEM = "-----BEGIN CERTIFICATE-----\n" + "A" * 900 + "\n-----END CERTIFICATE-----\n"
SPREAD_DAYS = 400
"""Over how many days, from the first, the certificates of a fleet end."""


def certificate_of(number: int, count: int, application: str, start: datetime) -> dict[str, Any]:
    """The row of one certificate among so many: issued one by one, ending all over the year."""
    name = f"host-{number}.fleet-{number % 97}.example.com"
    ends = start + timedelta(days=SPREAD_DAYS) * ((number * 7919) % count / count)
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
    """Add a fleet to an Application; one that nobody searches is written much faster."""
    rows = (certificate_of(number, count, application, start) for number in range(count))
    done = 0
    while batch := list(islice(rows, BATCH)):
        with database.write() as session:
            lineages = [_lineage(row) for row in batch]
            session.execute(insert(Lineage), lineages)
            session.execute(insert(Certificate), batch)
            if searchable:
                session.execute(insert(CertificateTerm), [term for row in batch for term in _terms(row)])
        done += len(batch)
        progress(done)
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("ANALYZE")


def _lineage(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("created_at", "application_id")}
    return {
        "id": row["lineage_id"],
        "current_certificate_id": row["id"],
        "renew_at": row["not_after"] - timedelta(days=1),
        **kept,
    }


def _terms(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for term in terms_of(row["common_name"], row["names"], row["attributes"]):
        own = {"certificate_id": row["id"], "created_at": row["created_at"]}
        yield {**term, **own, "application_id": row["application_id"]}
