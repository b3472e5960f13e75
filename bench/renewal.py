"""Renewing a fleet in chunks and with a workflow for each: ``python -m bench.renewal``.

Both in one run, on one database, with the real Temporal server. In chunks it must be eight times as fast, though the
worker is killed twice on the way; afterwards nothing was lost and nothing was done twice.
"""

import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from examples.demo.installation import Installation, until
from rich.console import Console
from rich.table import Table
from tests.support.aged import Aged

IN_CHUNKS, BY_WORKFLOW = 5_000, 200
LEAST = 8.0
PATIENCE = 1800.0
console = Console(stderr=True)


def rate(moments: Sequence[datetime]) -> float:
    """Certificates per second between the first and the last."""
    return (len(moments) - 1) / (moments[-1] - moments[0]).total_seconds()


def by_workflow(fleet: Aged, installation: Installation, certificates: Sequence[str]) -> float:
    """Asked for before anything runs, so that nobody waits for the asking."""
    for certificate in certificates:
        fleet.services.renewals.renew(fleet.admin, certificate)
    installation.start()
    until(lambda: fleet.count_renewed("workflow") == len(certificates), "a workflow for each", PATIENCE)
    return rate(fleet.renewed("workflow"))


def in_chunks(fleet: Aged, installation: Installation, count: int) -> float:
    """All due at the same moment; the restarts of the killed workers are part of the time."""
    fleet.renew_by_the_clock("chunks", True)
    for share in (1, 2):
        until(lambda share=share: fleet.count_renewed("chunks") >= share * count / 3, "a third", PATIENCE)
        installation.kill("worker")
        console.print(f"worker killed after {len(fleet.renewed('chunks'))} renewals")
    until(lambda: fleet.count_renewed("chunks") == count, "all renewals", PATIENCE)
    return rate(fleet.renewed("chunks"))


def main() -> int:
    """Print the figures; 1 when the ratio is below its floor or a certificate was lost or renewed twice."""
    with tempfile.TemporaryDirectory(prefix="certrail-bench-") as folder:
        fleet, installation = Aged(Path(folder)), Installation(Path(folder))
        with console.status(f"issuing {IN_CHUNKS + BY_WORKFLOW} certificates"):
            certificates = fleet.stock("workflow", BY_WORKFLOW)
            fleet.stock("chunks", IN_CHUNKS)
        try:
            with console.status(f"renewing {BY_WORKFLOW}, a workflow for each"):
                slow = by_workflow(fleet, installation, certificates)
            with console.status(f"renewing {IN_CHUNKS} in chunks"):
                fast = in_chunks(fleet, installation, IN_CHUNKS)
        finally:
            installation.stop()
        generations = fleet.generations()
        fleet.close()
    exactly_once = generations == {2: IN_CHUNKS + BY_WORKFLOW}
    good = fast / slow >= LEAST and exactly_once
    table = Table("renewals", "each by a workflow", "in chunks", "ratio", "each lineage renewed once")
    colour = "green" if good else "red"
    ratio = f"[{colour}]{fast / slow:.1f}[/]"
    table.add_row(
        f"{BY_WORKFLOW} and {IN_CHUNKS}", f"{slow:.2f}/s", f"{fast:.2f}/s", ratio, str(exactly_once)
    )
    Console().print(table)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
