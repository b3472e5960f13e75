"""Loaded by every Python process of an installation that a crash test started: kills it at the armed place.

The file that CERTRAIL_TEST_ARMED names holds the name of a checkpoint. The first process to get there takes
the file away and dies, as from a power cut; after that nothing is armed. Its id is in the mark that it leaves.
"""

import os
import signal
import sys
from pathlib import Path

from certrail import checkpoints

ARMED = os.environ.get("CERTRAIL_TEST_ARMED")


def die_if_armed(place: str) -> None:
    assert ARMED is not None
    if place == "issuance_batch.begin":
        # However slow the machine is: a batch of a hundred is one chunk, so that there is a place within it.
        sys.modules["certrail.services.issuance.batch"].LONGEST = 60.0  # type: ignore[attr-defined]
    armed = Path(ARMED)
    try:
        if armed.read_text() != place:
            return
        mark = armed.rename(armed.with_name(f"died-at-{place}"))
    except FileNotFoundError:
        return
    mark.write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGKILL)


if ARMED:
    checkpoints.install(die_if_armed)
