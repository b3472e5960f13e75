"""Searching a small inventory and a large one: ``python -m bench inventory``.

Each search is made 100 times in both; its 95th percentile in the large one may be three times that in the small one,
and no search may read a table from end to end.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.support.fleet import SPREAD_DAYS, certificate_of, fill
from tests.support.plans import plans_of

from bench.harness.databases import Databases, databases
from bench.harness.figures import Figure, Series, at_most, ratio
from bench.harness.run import Run, folder
from certrail.crypto.keyring import Keyring
from certrail.domain.search import CertificateFilter
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.persistence.tables import Application
from certrail.plugins.registry import PluginRegistry
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.inventory.search import Inventory, position_of

GROWTH, WHOLE_TABLES = at_most(3, kept=True), at_most(0, kept=True)
WINDOW = timedelta(days=4)
"""Long enough for a full page in the small inventory, too: so the same number of rows is read in both."""
START = datetime(2026, 1, 1, tzinfo=UTC)
APPLICATION = "fleet"
Search = Callable[[int], CertificateFilter]


def _window(seed: int) -> CertificateFilter:
    begin = START + timedelta(days=SPREAD_DAYS) * random.Random(seed).random()
    return CertificateFilter(expires_after=begin, expires_before=begin + WINDOW)


def searches(count: int) -> dict[str, Search]:
    """What is searched, made of a number."""

    def one(seed: int) -> str:
        return str(certificate_of(random.Random(seed).randrange(count), count, "", START)["common_name"])

    return {
        "list page": lambda _: CertificateFilter(),
        "name": lambda seed: CertificateFilter(name=f"www.{one(seed)}"),
        "expiry window": _window,
        "serial": lambda seed: CertificateFilter(serial=f"{random.Random(seed).randrange(count) + 1:x}"),
    }


def measure(run: Run) -> list[Figure]:
    """Each search on each database."""
    figures = []
    for kind in run.databases:
        with folder() as place, databases(kind, place) as made:
            figures += Sizes(run, made).measured()
    return figures


class Sizes:
    """A small inventory and a large one on one kind of database."""

    def __init__(self, run: Run, made: Databases) -> None:
        self._run, self._made = run, made
        self._small = run.pick("certificates of the small inventory", quick=300, default=10_000)
        self._large = run.pick("certificates of the large inventory", quick=600, default=1_000_000)
        self._times = run.pick("searches of a round", quick=10, default=100)

    def measured(self) -> list[Figure]:
        """Growth of each search, and what reads a whole table."""
        with self._filled(self._small) as small, self._filled(self._large) as large:
            by_size = {self._small: Inventory(_context(small)), self._large: Inventory(_context(large))}
            plans = {what: self._plan(large, by_size[self._large], what) for what in searches(1)}
            growth = [self._growth(by_size, what) for what in plans]
        whole = [what for what, plan in plans.items() if reads_a_whole_table(plan)]
        return [
            *growth,
            Figure(
                "searches that read a table from end to end",
                self._made.kind,
                [float(len(whole))],
                WHOLE_TABLES,
                unit="",
                notes=plans,
            ),
        ]

    def _growth(self, by_size: dict[int, Inventory], what: str) -> Figure:
        self._percentiles(by_size, what)  # both are as warm as they will be
        rounds = [self._percentiles(by_size, what) for _ in range(self._run.rounds)]
        small, large = zip(*rounds, strict=True)
        self._run.say(f"inventory, {self._made.kind}: {what}")
        return ratio(
            f"search: {what}, p95 of {self._large:,} to {self._small:,}",
            self._made.kind,
            Series(f"{self._large:,}", "ms", large),
            Series(f"{self._small:,}", "ms", small),
            GROWTH,
        )

    def _percentiles(self, by_size: dict[int, Inventory], what: str) -> Sequence[float]:
        """95th percentile of the milliseconds that a search takes in each; by turns, so both have the same weather."""
        took = [
            [self._milliseconds(inventory, searches(n)[what], seed) for n, inventory in by_size.items()]
            for seed in range(self._times)
        ]
        return [statistics.quantiles(times, n=20)[-1] for times in zip(*took, strict=True)]

    def _milliseconds(self, inventory: Inventory, search: Search, seed: int) -> float:
        """Of one search; list pages are turned at random places."""
        wanted = search(seed)
        after = None
        if wanted == CertificateFilter():
            after = (START + timedelta(seconds=random.Random(seed).randrange(self._small)), "")
        began = time.perf_counter()
        rows = inventory.search(APPLICATION, wanted, after=after)
        took = 1000 * (time.perf_counter() - began)
        assert rows or after is not None, "every search but the last page finds something"
        return took

    def _plan(self, database: Database, inventory: Inventory, what: str) -> str:
        with plans_of(database) as plans:
            rows = inventory.search(APPLICATION, searches(self._large)[what](0))
            position_of(rows[0], searches(self._large)[what](0))
        return plans[-1]

    @contextmanager
    def _filled(self, count: int) -> Iterator[Database]:
        """An inventory of this size."""
        database = Database(self._made.make(f"inventory-{count}"))
        try:
            migrate(database, lambda: empty_head(KEYRING))
            with database.write() as session:
                session.add(Application(id=APPLICATION, created_at=START, slug="fleet", name="Fleet"))
            self._run.say(f"inventory, {self._made.kind}: filling in {count:,} certificates")
            fill(database, count, APPLICATION, START, self._run.counter(count, "certificates"))
            yield database
        finally:
            database.close()


def reads_a_whole_table(plan: str) -> bool:
    """Whether a plan says so, in the words of either database."""
    return "Seq Scan" in plan or "SCAN certificate\n" in f"{plan}\n"


KEYRING = Keyring.generate()


def _context(database: Database) -> ServiceContext:
    return ServiceContext(
        db=database,
        keyring=KEYRING,
        plugins=PluginRegistry(),
        clock=lambda: START,
        new_id=lambda: "",
    )
