"""Plugins that break the contract, one by one, beside a steady load in another Application.

All of them are `make containment`: each takes about a minute.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.live.containment import (
    Case,
    Figures,
    Load,
    all_delivered,
    assert_named,
    cleared,
    prepare,
    provoke,
)
from tests.live.live_stack import LiveStack, opened
from tests.support import culprits

pytestmark = pytest.mark.crash

QUIET_SECONDS, AFTERWARDS_SECONDS = 30.0, 5.0
NAMED_WITHIN = 60.0
SLOWEST = 3.0
"""Times the median of a quiet installation."""
FAULTY = (
    "exits",
    "interrupts",
    "generator-exit",
    "base-exception",
    "exception-group",
    "cancels",
    "task-exits",
)
WAITING = ("silent", "thread")
HARMFUL = (
    "sleep",
    "loop",
    "gil",
    "callback",
    "hard-exit",
    "segfault",
    "kills-itself",
    "stray-thread",
    "memory",
)
CASES = (
    *(Case("destination", f"bad-{name}", "deliver", quarantined=True) for name in HARMFUL),
    *(Case("destination", f"bad-{name}", "deliver", quarantined=False) for name in (*FAULTY, *WAITING)),
    Case("destination", "bad-stubborn", "deliver", quarantined=False, unending=True),
    Case("destination", "bad-recursion", "deliver", quarantined=False),
    Case("destination", "bad-observe", "verify", quarantined=True),
    Case("notifier", "bad-send", "notify", quarantined=True),
    Case("notifier", "bad-listen", "listen", quarantined=True),
    Case("destination", "bad-check", "check", quarantined=False),
    Case("observer", "bad-event-raises", "certrail_event", quarantined=False),
    Case("observer", "bad-event-sleep", "certrail_event", quarantined=True),
    Case("observer", "bad-event-hard-exit", "certrail_event", quarantined=True),
)


@pytest.fixture(scope="module")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """An installation that has all culprits installed."""
    folder = tmp_path_factory.mktemp("misbehaving")
    culprits.install(folder / "site")
    path = os.pathsep.join(filter(None, (str(folder / "site"), os.environ.get("PYTHONPATH"))))
    with ExitStack() as stack:
        found = opened(stack, folder, PYTHONPATH=path)
        prepare(found)
        yield found


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    """Printed at the end, as `make containment` runs with ``-s``."""
    found = Figures()
    yield found
    print(f"\n{found.table()}")


@pytest.fixture(scope="module")
def quiet(live_stack: LiveStack, figures: Figures) -> Load:
    """The load by itself."""
    load = Load(live_stack)
    with load.running():
        time.sleep(QUIET_SECONDS)
    assert not load.refused
    figures.add("quiet", load)
    return load


def run(live_stack: LiveStack, case: Case, within: float, figures: Figures) -> Load:
    """Have one culprit called beside the load; it is named, and the load gets all that it requests."""
    load = Load(live_stack)
    with load.running():
        provoke(live_stack, case)
        took = assert_named(live_stack, case, within)
        time.sleep(AFTERWARDS_SECONDS)
    cleared(live_stack, case)
    figures.add(f"{case.kind} {case.name}", load, took)
    assert not load.refused
    all_delivered(live_stack, load)
    return load


@pytest.mark.containment
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_none_slows_others_down(live_stack: LiveStack, quiet: Load, figures: Figures, case: Case) -> None:
    load = run(live_stack, case, NAMED_WITHIN, figures)
    assert load.median <= SLOWEST * quiet.median
