"""What a delivered certificate leaves in the databases: ``python -m bench storage``.

Certificates are issued, delivered to one folder and read back: one at a time, where each has workflows of its own, and
many at once, where batches take them. What is counted are the pages in use, before and after, of Temporal's database,
which keeps closed workflows until its retention ends, and of certrail's, which keeps certificates and audit log.

Of the 46 kB of two workflows in Temporal's database 5 kB are their histories, and 27 kB rows of the 58 indexes that
Temporal has over its list of workflows: without 54 of them it would be 18.5 kB, and no less processor time. They stay,
as the schema is Temporal's.
"""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from bench.harness.figures import Figure, Series, at_most
from bench.harness.load import closed_loop
from bench.harness.run import Run
from bench.harness.site import ALONE_EVERY, MANY_EVERY, VERIFIED, Site, site
from bench.issuance import MANY

IN_TEMPORAL = at_most(15)
IN_BULK = at_most(15, kept=True)
TO, ALONE = "stored", "one at a time"
Kilobytes = tuple[float, float]
"""A certificate: in Temporal's database, and in certrail's."""


def measure(run: Run) -> list[Figure]:
    """On SQLite, whose pages both databases are made of."""
    with site(run, "SQLite") as place:
        return _measured(run, place)


def _measured(run: Run, place: Site) -> list[Figure]:
    place.application(TO)
    target = place.folder / "delivered"
    target.mkdir()
    place.connection("folder", "folder", {"root": str(target)})
    sync = {"slug": "files", "name": "files", "destination": "files", "connection": "folder"}
    place.admin.post(f"/applications/{TO}/syncs", sync)
    few = run.pick("certificates, one at a time", quick=3, default=60)
    count = run.pick("certificates, 48 at once", quick=12, default=240)
    _delivered(run, place, few, 1)
    found = run.interleaved(
        "storage",
        {
            ALONE: lambda: _delivered(run, place, few, 1),
            f"{MANY} at once": lambda: _delivered(run, place, count, MANY),
        },
    )
    return [
        Figure(
            f"Temporal's database grows by, for a delivered certificate, {how}",
            "SQLite",
            [temporal for temporal, _ in rounds],
            IN_TEMPORAL if how == ALONE else IN_BULK,
            unit="kB",
            series=[Series("certrail's grows by", "kB", [own for _, own in rounds])],
        )
        for how, rounds in found.items()
    ]


def _delivered(run: Run, place: Site, count: int, at_once: int) -> Kilobytes:
    """Deliver so many, and compare what the databases hold before and after."""
    prefix = uuid.uuid4().hex[:8]
    watch = place.watch(VERIFIED, ALONE_EVERY if at_once == 1 else MANY_EVERY)

    async def job(number: int) -> None:
        accepted = await place.caller.request(f"{prefix}-{number}.example.com", TO)
        await watch.until_done(accepted["id"])

    files = [place.installation.data_dir / name for name in ("temporal.db", "certrail.db")]
    before = [_used(file) for file in files]
    run.wait(closed_loop(job, count, at_once))
    temporal, own = ((_used(file) - used) / count / 1000 for file, used in zip(files, before, strict=True))
    return temporal, own


def _used(file: Path) -> int:
    """Bytes of the pages that hold something, those in the write-ahead log among them."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        pages, free, size = (
            connection.execute(f"pragma {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)
