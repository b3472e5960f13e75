"""What one installation can do, however many machines it has: ``python -m bench ceiling``.

Every transaction with an event takes the head of the audit chain last, and holds it while it commits: one after the
other, in the whole installation. Four processes on PostgreSQL accept requests one by one, issue and deliver them in
bulk, without HTTP, Temporal and a destination's time. Beside it, what the head allows: transactions of one row and one
event, from 48 threads of the four processes, and how often a delivered certificate takes it. It was four times before
requests and deliveries were made in bulk, which is what the ratio is to.

On two processor cores Python is the limit, not the head; the figure in delivered certificates a second is that of the
machine. Where an installation needs more than the head allows, it is divided: each Application belongs to one
installation, with a database and an audit log of its own, under intermediates of the same root.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.aged import Aged

from bench.harness.databases import databases
from bench.harness.figures import Figure, Series, at_least
from bench.harness.run import Run, folder
from bench.harness.site import PROFILE

KIND = "PostgreSQL"
PROCESSES = 4
BEFORE = 4
"""Times that a delivered certificate took the head when each had workflows of its own."""
BEFORE_RATE = 90
"""Delivered certificates a second that the head allowed then, on two shared cores."""
TWICE, RATE = at_least(2, kept=True), at_least(2 * BEFORE_RATE)
Answer = dict[str, Any]


def measure(run: Run) -> list[Figure]:
    """On PostgreSQL: SQLite has one writer at a time, with or without an audit log."""
    if KIND not in run.databases:
        return []
    count = run.pick("certificates of each process", quick=100, default=100)
    commits = run.pick("transactions of each process", quick=100, default=400)
    with folder() as place, databases(KIND, place) as made:
        data, url = place / "certrail", made.make("certrail")
        fleet = Aged(data, url)
        fleet.stock(PROFILE, 0)
        fleet.close()
        with _processes(data, url, place) as four:
            four.all("deliver", 100)
            found = run.interleaved(
                "ceiling",
                {
                    "commit": lambda: four.all("commit", commits),
                    "deliver": lambda: four.all("deliver", count),
                },
            )
    return _figures(found["commit"], found["deliver"])


def _figures(commits: Sequence[Sequence[Answer]], delivered: Sequence[Sequence[Answer]]) -> list[Figure]:
    head = Series("transactions with an event", "/s", [_rate(answers) for answers in commits])
    takes = Series(
        "times the head is taken", "a certificate", [_each(answers, "heads") for answers in delivered]
    )
    allowed = [rate / times for rate, times in zip(head.values, takes.values, strict=True)]
    processor = [1000 * _each(answers, "processor") for answers in delivered]
    return [
        Figure(
            "delivered certificates that the audit head allows, to those of a workflow for each",
            KIND,
            [BEFORE / times for times in takes.values],
            TWICE,
            series=[head, takes, Series("delivered that it allows", "/s", allowed)],
        ),
        Figure(
            f"accepted, issued and delivered by {PROCESSES} processes",
            KIND,
            [_rate(answers) for answers in delivered],
            RATE,
            unit="/s",
            series=[Series("processor time of Python", "ms a certificate", processor)],
        ),
    ]


def _rate(answers: Sequence[Answer]) -> float:
    """Of all processes together, which began at the same time: until the last has ended."""
    return float(sum(answer["count"] for answer in answers) / max(answer["seconds"] for answer in answers))


def _each(answers: Sequence[Answer], what: str) -> float:
    return float(sum(answer[what] for answer in answers) / sum(answer["count"] for answer in answers))


class Processes:
    """That do the same at the same time."""

    def __init__(self, started: Sequence["subprocess.Popen[str]"]) -> None:
        self._started = started

    def all(self, what: str, count: int) -> list[Answer]:
        """What each was answered."""
        for process in self._started:
            assert process.stdin is not None
            process.stdin.write(f"{what} {count}\n")
            process.stdin.flush()
        return [json.loads(_line(process)) for process in self._started]


@contextmanager
def _processes(data: Path, url: str, place: Path) -> Iterator[Processes]:
    started = list["subprocess.Popen[str]"]()
    try:
        for number in range(PROCESSES):
            target = str(place) if number == 0 else ""
            command = [sys.executable, "-m", "bench.ceilings.worker", str(data), url, target]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            started.append(process)
            assert _line(process) == "ready"
        yield Processes(started)
    finally:
        for process in started:
            process.communicate()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"A process ended with {process.wait()}; its errors are above.")
    return line
