"""Where and when a run was made: what a reader needs in order to compare it with another one."""

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.support.postgres import PROGRAMS

from certrail_workflows.binaries import temporal_binary

ROOT = Path(__file__).parents[2]
OUTPUT = "docs/benchmarks"
GIGA = 1024**3


def environment() -> dict[str, str]:
    """Date, commit, machine, load before the run, and versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processors": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIGA:.0f} GB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _output(str(PROGRAMS / "postgres"), "--version").split()[-1],
        "temporal": _output(str(temporal_binary()), "--version").removeprefix("temporal version "),
        "temporalio": version("temporalio"),
    }


def _commit() -> str:
    """Short, with a plus sign if something is not committed; what a run itself writes does not count."""
    changed = _output(
        "git", "status", "--porcelain", "--untracked-files=no", "--", ".", f":(exclude){OUTPUT}"
    )
    return _output("git", "rev-parse", "--short=12", "HEAD") + ("+" if changed else "")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
