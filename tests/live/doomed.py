"""An installation whose processes die where they are armed to."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.demo.installation import until
from tests.live.live_stack import LiveStack, opened
from tests.live.processes import is_alive
from tests.live.temporal import TemporalServer

KILLED_AT = Path(__file__).parent / "killed_at"


@dataclass
class Doomed:
    """The installation, with its Temporal server."""

    live_stack: LiveStack
    temporal: TemporalServer
    armed: Path

    def die_at(self, place: str) -> None:
        self.armed.write_text(place)

    def wait_until_died_at(self, place: str) -> None:
        mark = self.armed.with_name(f"died-at-{place}")
        until(lambda: mark.exists() and mark.read_text().isdigit(), f"a process to get to {place}")
        until(lambda: not is_alive(int(mark.read_text())), f"the process to die at {place}")
        mark.unlink()


@contextmanager
def doomed_in(folder: Path) -> Iterator[Doomed]:
    """Start one in a folder."""
    armed = folder / "armed"
    path = os.pathsep.join(filter(None, (str(KILLED_AT), os.environ.get("PYTHONPATH"))))
    temporal = TemporalServer(folder)
    with ExitStack() as stack:
        stack.callback(temporal.stop)
        temporal.start()
        env = {"PYTHONPATH": path, "CERTRAIL_TEST_ARMED": str(armed)}
        live_stack = opened(stack, folder, CERTRAIL_TEMPORAL_ADDRESS=temporal.address, **env)
        yield Doomed(live_stack, temporal, armed)
