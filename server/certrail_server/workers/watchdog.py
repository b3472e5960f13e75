"""Judges a process of plugins from outside: whether it turns, how much memory it has, and which call harmed it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from certrail_server.processes.spawning import how
from certrail_workflows import limits
from certrail_workflows.call_board import CallBoard, OpenCall

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Harm:
    """What was done to a process, and by which calls.

    Attributes:
        calls: one is the culprit, several are suspects; none when no plugin was at work.
    """

    what: str
    calls: Sequence[OpenCall] = ()

    def reports(self) -> list[dict[str, Any]]:
        """One per plugin, as JSON for the process that records them."""
        by_plugin = {call.plugin: call for call in self.calls}
        suspect = len(by_plugin) > 1
        return [{**asdict(call), "what": self.what, "suspect": suspect} for call in by_plugin.values()]


class Watchdog:
    """Looks at one process again and again, every `every` seconds.

    Time is counted in looks, so that a machine that was suspended accuses nobody.
    """

    def __init__(self, board: CallBoard, every: float, memory_mb: int) -> None:
        self._board, self._every, self._memory_mb = board, every, memory_mb
        self._beats, self._still = 0, 0

    def look(self, resident: int | None) -> Harm | None:
        """What is wrong now.

        Args:
            resident: bytes of memory that the process has; ``None`` where the system does not say.
        """
        beats = self._board.beats
        self._still = self._still + 1 if beats == self._beats else 0
        self._beats = beats
        if resident is not None and resident > self._memory_mb * MEGABYTE:
            return Harm(f"had its process use over {self._memory_mb} MB of memory", self._involved())
        if not beats:  # it has not begun
            return None
        held = self._still * self._every
        running = self._board.running()
        if running is not None and held >= limits.HELD_AFTER.total_seconds():
            return Harm(f"held the event loop for {limits.HELD_AFTER.seconds} s", [running.call])
        if held >= limits.STALLED_AFTER.total_seconds():
            return Harm(f"stopped the event loop for {limits.STALLED_AFTER.seconds} s", self._involved())
        now = monotonic()
        overdue = [entry for entry in self._board.open_calls() if now > entry.deadline]
        if overdue:
            return Harm(f"went on for {now - overdue[0].opened:.0f} s", [entry.call for entry in overdue])
        return None

    def died(self, code: int, resident: int | None) -> Harm:
        """Who is to blame that the process ended by itself: nobody if no call was open."""
        running = self._board.running()
        if -code in _SENT_BY_OTHERS and running is None and not self._is_large(resident):
            return Harm(f"ended ({how(code)})")  # by an operator, or in a test
        return Harm(f"ended its process ({how(code)})", self._involved())

    def _is_large(self, resident: int | None) -> bool:
        return resident is not None and resident > self._memory_mb * MEGABYTE // 2

    def _involved(self) -> Sequence[OpenCall]:
        running = self._board.running()
        if running is not None:
            return [running.call]
        entries = self._board.open_calls()
        # A listener is open all the time: that says nothing while others are open too.
        return [entry.call for entry in entries if not entry.endless] or [entry.call for entry in entries]


_SENT_BY_OTHERS = (9, 15)
"""SIGKILL and SIGTERM."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int | None:
    """Memory that a process has; ``None`` where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return None
