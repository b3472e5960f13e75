"""No body is a fault of the server, and none takes long; `make fuzz` looks for one for longer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SECONDS = 2
GUIDES = ("certrail.domain", "certrail.pki")
"""Where bodies are parsed; `make fuzz` is guided by everything."""


@pytest.mark.endurance
@pytest.mark.skipif(sys.platform != "linux", reason="atheris has wheels for Linux only")
def test_mutated_bytes_to_every_endpoint() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.bodies", str(SECONDS), *GUIDES],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    endpoints = re.search(r"(\d+) endpoints", done.stdout)
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert endpoints
    assert runs
    # Each seed is sent once before any is mutated.
    assert int(runs[1]) > int(endpoints[1]) > 60


@pytest.mark.endurance
@pytest.mark.skipif(sys.platform != "linux", reason="atheris has wheels for Linux only")
def test_mutated_bytes_to_every_parser_of_enrollment() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.parsers", str(SECONDS)],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs
    assert int(runs[1]) > 100
