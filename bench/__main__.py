"""Measures, and compares with goals: ``python -m bench [NAME…] [--quick | --full] [--json FOLDER]``.

Progress is on standard error, the tables are on standard output. Exit status 1: a figure is beyond a goal that is kept,
or a benchmark broke. A goal that is not reached yet is printed as missed, and does not fail.
"""

import argparse
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from rich.console import Console

from bench.catalog import BENCHMARKS, measure_of
from bench.harness.machine import environment
from bench.harness.results import Result, table, write
from bench.harness.run import DATABASES, Run, Size

WIDTH = 160


def arguments(given: list[str]) -> argparse.Namespace:
    """What the command is given."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and compare with goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS) + "; by default all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", dest="size", const=Size.QUICK, help="seconds each")
    size.add_argument(
        "--full", action="store_const", dest="size", const=Size.FULL, help="with the parts that take long"
    )
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="write a file for each benchmark")
    parser.add_argument("--database", choices=DATABASES, help="only on this one")
    parser.set_defaults(size=Size.DEFAULT)
    found = parser.parse_args(given)
    if unknown := set(found.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    return found


def measured(name: str, chosen: argparse.Namespace) -> Result:
    """Run one benchmark."""
    run = Run(chosen.size, (chosen.database,) if chosen.database else DATABASES)
    where, began = environment(), time.monotonic()
    try:
        figures = measure_of(name)(run)
    finally:
        run.close()
    return Result(name, run.size, round(time.monotonic() - began), where, run.sizes, figures)


def main(given: list[str]) -> int:
    """Returns the exit status."""
    chosen = arguments(given)
    # A terminal has its own width, a file has none.
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    failed = False
    for name in BENCHMARKS:
        if chosen.names and name not in chosen.names:
            continue
        try:
            result = measured(name, chosen)
        except Exception:
            # The others are measured all the same: a run takes many minutes.
            traceback.print_exc()
            failed = True
            continue
        console.print(table(result))
        failed = failed or result.fails()
        if chosen.json:
            write(result, chosen.json)
    return int(failed)


if __name__ == "__main__":
    # What processes of others compile is compiled once, as in every installation.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Ended from outside, it stops what it started as well: PostgreSQL would go on by itself.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
