"""What certrail costs when nothing happens: ``python -m bench idle``.

Memory and processor time of all processes of `certrail dev` on SQLite, the time until it is ready, and the time of
`certrail --help` beside that of an interpreter that does nothing.

Of the memory 90 to 140 MB are Temporal's, and 290 MB are what server, core and plugins do not share: each writes the
counts of references into about 50 of the 120 MB that the launcher has imported for all, and has 40 to 60 MB of its
own. Tried, and not taken: one arena of the allocator (`MALLOC_ARENA_MAX=1`) saves 30 MB, and has all threads wait for
one lock; `GOGC=40` saves 17 MB of Temporal's, for processor time under load. A start is the imports of the launcher
and then one second of processor time each in server, core and plugins, on two cores, to load plugins and to build
models and routes.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx2
from examples.demo.installation import Installation, until

from bench.harness import processes
from bench.harness.figures import Figure, Series, at_most, ratio
from bench.harness.run import Run, folder

MEMORY, SHARE, READY, HELP = at_most(450), at_most(4), at_most(3), at_most(15)
NOTHING = (sys.executable, "-c", "pass")
CERTRAIL = str(Path(sys.executable).with_name("certrail"))
LOOK_SECONDS = 0.01


def measure(run: Run) -> list[Figure]:
    """On SQLite: PostgreSQL's own processes are not certrail's."""
    return [*_idle(run), _help(run)]


def _idle(run: Run) -> list[Figure]:
    watched = run.pick("seconds of idleness", quick=1, default=20)
    settled = run.pick("seconds before them", quick=1, default=10)
    ready, memory, share = list[float](), list[float](), list[float]()
    notes: dict[str, str] = {}
    for number in range(run.rounds):
        run.say(f"idle: round {number + 1} of {run.rounds}, start and {settled + watched} s of idleness")
        with folder() as place:
            # A first start migrates the database; the second one is that of every day.
            for start in ("first", "second"):
                installation = Installation(place / "certrail")
                began = time.perf_counter()
                installation.start(LOOK_SECONDS)
                until(lambda url=installation.url: _answers(url), "the server", look=LOOK_SECONDS)  # type: ignore[misc]
                seconds = time.perf_counter() - began
                if start == "first":
                    installation.stop()
            try:
                ready.append(seconds)
                time.sleep(settled)
                pids = processes.tree(installation.supervisor)
                before, began = processes.processor_seconds(pids), time.perf_counter()
                time.sleep(watched)
                used = processes.processor_seconds(pids) - before
                share.append(100 * used / (time.perf_counter() - began))
                memory.append(processes.megabytes(pids))
                notes = {processes.name_of(pid): f"{processes.megabytes([pid]):.0f} MB" for pid in pids}
            finally:
                installation.stop()
    return [
        Figure("memory of all processes (PSS)", "SQLite", memory, MEMORY, unit="MB", notes=notes),
        Figure("share of a core", "SQLite", share, SHARE, unit="%"),
        Figure("start until ready", "SQLite", ready, READY, unit="s"),
    ]


def _answers(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return bool(httpx2.get(f"{url}/readyz", trust_env=False, timeout=2).is_success)
    return False


def _help(run: Run) -> Figure:
    times = run.pick("calls of a command", quick=1, default=10)
    found = run.interleaved(
        "idle",
        {
            "python -c pass": lambda: _milliseconds(NOTHING, times),
            "certrail --help": lambda: _milliseconds((CERTRAIL, "--help"), times),
        },
    )
    return ratio(
        "certrail --help, to python -c pass",
        "",
        Series("certrail --help", "ms", found["certrail --help"]),
        Series("python -c pass", "ms", found["python -c pass"]),
        HELP,
    )


def _milliseconds(command: Sequence[str], times: int) -> float:
    """The middle one of several calls."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[len(took) // 2]
