"""What a sweep costs in a small inventory and a large one with as much due: ``python -m bench sweeps``.

A hundred renewals and a hundred alerts are due in both, and are really made: signed, and written for a channel. The
large one may take one and a half times as long, and read one and a half times as much.
"""

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text
from sqlmodel import col, delete, select, update
from tests.support.fleet import fill
from tests.support.plans import plans_of

from bench.harness.databases import Databases, databases
from bench.harness.figures import Figure, Series, at_most, ratio
from bench.harness.run import Run, folder
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

DUE = 100
GROWTH, WHOLE_TABLES = at_most(1.5, kept=True), at_most(0, kept=True)
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


def cost(sizes: dict[int, Fleet], what: str, times: int) -> list[float]:
    """Median milliseconds of one sweep in each; by turns, so that both have the same weather."""
    took = [[milliseconds(fleet, what) for fleet in sizes.values()] for _ in range(times)]
    return [statistics.median(one) for one in zip(*took, strict=True)]


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


def measure(run: Run) -> list[Figure]:
    """Both sweeps on both databases."""
    figures = []
    for kind in run.databases:
        with folder() as place, databases(kind, place) as made, _fleets(run, made) as sizes:
            for what in ("renewals", "alerts"):
                figures += _measured(run, kind, sizes, what)
    return figures


def _measured(run: Run, kind: str, sizes: dict[int, Fleet], what: str) -> list[Figure]:
    small, large = sizes
    times = run.pick("sweeps of a round", quick=2, default=5)
    cost(sizes, what, 2)  # both are as warm as they will be
    rounds = []
    for number in range(run.rounds):
        run.say(f"sweeps, {kind}: {what}, round {number + 1} of {run.rounds}")
        rounds.append(cost(sizes, what, times))
    few, _ = reads(sizes[small], what)
    many, plans = reads(sizes[large], what)
    whole = sum(
        "Seq Scan on certificate" in plan or "SCAN certificate" in plan for plan in plans.splitlines()
    )
    names = f"{large:,}", f"{small:,}"
    return [
        ratio(
            f"{DUE} due {what}, time in {names[0]} to {names[1]}",
            kind,
            Series(names[0], "ms", [took for _, took in rounds]),
            Series(names[1], "ms", [took for took, _ in rounds]),
            GROWTH,
        ),
        ratio(
            f"{DUE} due {what}, rows read in {names[0]} to {names[1]}",
            kind,
            Series(names[0], "rows or steps", [float(many)]),
            Series(names[1], "rows or steps", [float(few)]),
            GROWTH,
        ),
        Figure(
            f"{DUE} due {what}, tables read from end to end",
            kind,
            [float(whole)],
            WHOLE_TABLES,
            unit="",
        ),
    ]


@contextmanager
def _fleets(run: Run, made: Databases) -> Iterator[dict[int, Fleet]]:
    """Both sizes on one kind of database."""
    sizes: dict[int, Fleet] = {}
    small = run.pick("certificates of the small inventory", quick=300, default=10_000)
    large = run.pick("certificates of the large inventory", quick=600, default=1_000_000)
    try:
        for count in (small, large):
            run.say(f"sweeps, {made.kind}: filling in {count:,} certificates")
            database = Database(made.make(f"sweeps-{count}"))
            migrate(database, lambda: empty_head(KEYRING))
            sizes[count] = Fleet(database, count, run.counter(count, "certificates"))
        yield sizes
    finally:
        for fleet in sizes.values():
            fleet.database.close()
