"""Every benchmark runs, in its quick size, against real parts; what it measures is no matter here."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench.catalog import BENCHMARKS
from bench.harness.results import read

ROOT = Path(__file__).parents[2]
AT_ONCE = ("issuance",)
"""In `make test`, on SQLite."""
ON_SQLITE = ("idle", "renewal", "storage")
"""Measured there only; in `make endurance` all others run on PostgreSQL."""
SECONDS = 600


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    run(tmp_path, name, "--database", "SQLite")
    (result,) = read(tmp_path)
    assert result.figures
    assert {figure.database for figure in result.figures} == {"SQLite"}
    assert all(value > 0 for figure in result.figures for series in figure.series for value in series.values)


@pytest.mark.endurance
@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_runs(name: str, tmp_path: Path) -> None:
    database = "SQLite" if name in ON_SQLITE else "PostgreSQL"
    run(tmp_path, name, "--database", database)
    (result,) = read(tmp_path)
    assert result.benchmark == name
    assert {figure.database for figure in result.figures} - {""} == {database}
