"""Renewing a fleet in chunks and with a workflow for each: ``python -m bench.renewal``.

All in one run, on one database, with the real Temporal server. In chunks it must be five times as fast, though the
worker is killed twice on the way; and an authority that says how often it may be asked is never asked more often,
though the worker is killed twice again. Afterwards nothing was lost and nothing was done twice.
"""

import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from examples.demo.installation import Installation, until
from rich.console import Console
from rich.table import Table
from tests.support.aged import Aged, busiest_minute

IN_CHUNKS, BY_WORKFLOW = 20_000, 200
BOUNDED, PER_MINUTE = 5_000, 1_500
ALL = IN_CHUNKS + BOUNDED + BY_WORKFLOW
LEAST = 5.0
PATIENCE = 1800.0
console = Console(stderr=True)


def rate(instants: Sequence[datetime]) -> float:
    """Certificates per second between the first and the last."""
    return (len(instants) - 1) / (instants[-1] - instants[0]).total_seconds()


def by_workflow(fleet: Aged, installation: Installation, certificates: Sequence[str]) -> Sequence[datetime]:
    """Asked for before anything runs, so that nobody waits for the asking."""
    for certificate in certificates:
        fleet.services.renewals.renew(fleet.admin, certificate)
    installation.start()
    until(lambda: fleet.count_renewed("workflow") == len(certificates), "a workflow for each", PATIENCE)
    return fleet.renewed("workflow")


def by_the_clock(fleet: Aged, installation: Installation, profile: str, count: int) -> Sequence[datetime]:
    """All due at the same moment; the restarts of the killed workers are part of the time."""
    fleet.renew_by_the_clock(profile, True)
    for share in (1, 2):
        until(lambda share=share: fleet.count_renewed(profile) >= share * count / 3, "a third", PATIENCE)
        installation.kill("worker")
        console.print(f"{profile}: worker killed after {fleet.count_renewed(profile)} renewals")
    until(lambda: fleet.count_renewed(profile) == count, "all renewals", PATIENCE)
    return fleet.renewed(profile)


def main() -> int:
    """Print the figures; 1 when one is beyond its bound or a certificate was lost or renewed twice."""
    with tempfile.TemporaryDirectory(prefix="certrail-bench-") as folder:
        fleet, installation = Aged(Path(folder)), Installation(Path(folder))
        with console.status(f"issuing {ALL} certificates"):
            certificates = fleet.stock("workflow", BY_WORKFLOW)
            fleet.stock("chunks", IN_CHUNKS)
            fleet.stock("bounded", BOUNDED, PER_MINUTE)
        try:
            with console.status(f"renewing {BY_WORKFLOW}, a workflow for each"):
                slow = rate(by_workflow(fleet, installation, certificates))
            with console.status(f"renewing {IN_CHUNKS} in chunks"):
                fast = rate(by_the_clock(fleet, installation, "chunks", IN_CHUNKS))
            with console.status(f"renewing {BOUNDED}, at most {PER_MINUTE} in a minute"):
                busiest = busiest_minute(by_the_clock(fleet, installation, "bounded", BOUNDED))
        finally:
            installation.stop()
        generations = fleet.generations()
        fleet.close()
    exactly_once = generations == {2: ALL}
    good = [fast / slow >= LEAST, busiest <= PER_MINUTE, exactly_once]
    table = Table("what", "measured", "bound")
    measured = [f"{fast / slow:.1f} ({fast:.1f}/s to {slow:.2f}/s)", str(busiest), str(exactly_once)]
    names = [
        f"{IN_CHUNKS} in chunks to {BY_WORKFLOW} by a workflow each, two kills",
        f"renewals in the busiest minute of {BOUNDED}, two kills",
        "each lineage renewed once",
    ]
    bounds = [f">= {LEAST:.0f}", f"<= {PER_MINUTE}", "True"]
    for name, value, bound, passed in zip(names, measured, bounds, good, strict=True):
        table.add_row(name, f"[{'green' if passed else 'red'}]{value}[/]", bound)
    Console().print(table)
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
