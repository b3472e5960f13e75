"""The open plugin calls of a process, in memory shared with its parent: readable while it hangs and after it died.

A held event loop, a held GIL or a segmentation fault leave no time to say who did it. So a call is entered before it
begins, and each of its steps on the event loop marks it as the one that runs.
"""

import json
import mmap
import os
import struct
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import monotonic

SLOTS, SLOT_BYTES = 1024, 512
"""Calls that can be open at once, and what each may take; a process serves 20 per plugin."""
NOBODY = -1
ENDLESS = float("inf")
"""Limit of a call that goes on until it is cancelled."""
_HEADER = struct.Struct("<Qq")  # beats, slot that runs now
_TIMES = struct.Struct("<dd")  # opened, deadline
_LENGTH = struct.Struct("<H")
_BYTES = _HEADER.size + SLOTS * SLOT_BYTES
_TEXT = SLOT_BYTES - _TIMES.size - _LENGTH.size


@dataclass(frozen=True)
class OpenCall:
    """One plugin call under way.

    Attributes:
        plugin: kind and name, such as ``destination-files``.
        version: of its distribution.
        subject_id: of the effect's row.
        generation: of the desired state; ``None`` where there is only one.
    """

    plugin: str
    version: str
    verb: str
    subject_id: str = ""
    generation: int | None = None


@dataclass(frozen=True)
class Entry:
    """An open call with its times on the machine's monotonic clock, which all processes share."""

    call: OpenCall
    opened: float
    deadline: float

    @property
    def endless(self) -> bool:
        """Whether the call goes on until it is cancelled, such as that of a listener."""
        return self.deadline == ENDLESS


class CallBoard:
    """Written by one process, read by its parent."""

    def __init__(self, descriptor: int) -> None:
        """Map the memory behind a descriptor that `memory` has made, in this process or in its parent."""
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, _BYTES)
        self._free = list(range(SLOTS - 1, -1, -1))
        self._lock = threading.Lock()

    @classmethod
    def create(cls) -> "CallBoard":
        """A new board on memory of its own, that a child process inherits by its descriptor."""
        descriptor = memory()
        board = cls(descriptor)
        _HEADER.pack_into(board._memory, 0, 0, NOBODY)
        return board

    def close(self) -> None:
        """Unmap the memory; the other process keeps it."""
        self._memory.close()
        os.close(self.descriptor)

    def beat(self) -> None:
        """Count one turn of the event loop."""
        (beats,) = struct.unpack_from("<Q", self._memory, 0)
        struct.pack_into("<Q", self._memory, 0, beats + 1)

    @property
    def beats(self) -> int:
        """How often the event loop has turned; it stands still while something holds the loop."""
        found: int = struct.unpack_from("<Q", self._memory, 0)[0]
        return found

    def enter(self, call: OpenCall, limit: float) -> int | None:
        """Enter a call that has to end within `limit` seconds; returns its slot, ``None`` when all are taken."""
        text = _fitting(call)
        with self._lock:
            if not self._free:
                return None
            slot = self._free.pop()
        at, now = _HEADER.size + slot * SLOT_BYTES, monotonic()
        _TIMES.pack_into(self._memory, at, now, now + limit)
        start = at + _TIMES.size + _LENGTH.size
        self._memory[start : start + len(text)] = text
        # The length last: a reader takes a slot without one for free.
        _LENGTH.pack_into(self._memory, at + _TIMES.size, len(text))
        return slot

    def leave(self, slot: int | None) -> None:
        """Remove a call that has ended."""
        if slot is None:
            return
        _LENGTH.pack_into(self._memory, _HEADER.size + slot * SLOT_BYTES + _TIMES.size, 0)
        with self._lock:
            self._free.append(slot)

    def run(self, slot: int | None) -> int:
        """Mark the call whose step runs on the event loop now; returns the one that was marked before."""
        (before,) = struct.unpack_from("<q", self._memory, 8)
        struct.pack_into("<q", self._memory, 8, NOBODY if slot is None else slot)
        return int(before)

    def running(self) -> Entry | None:
        """The call whose step runs, or ran when the process ended."""
        (slot,) = struct.unpack_from("<q", self._memory, 8)
        return self._entry(slot) if 0 <= slot < SLOTS else None

    def open_calls(self) -> Sequence[Entry]:
        """Every open call."""
        return [entry for slot in range(SLOTS) if (entry := self._entry(slot)) is not None]

    def _entry(self, slot: int) -> Entry | None:
        at = _HEADER.size + slot * SLOT_BYTES
        (length,) = _LENGTH.unpack_from(self._memory, at + _TIMES.size)
        if not 0 < length <= _TEXT:
            return None
        opened, deadline = _TIMES.unpack_from(self._memory, at)
        start = at + _TIMES.size + _LENGTH.size
        try:
            call = OpenCall(**json.loads(self._memory[start : start + length]))
        except (ValueError, TypeError):  # written at this very time, or by a plugin that wrote over it
            return None
        return Entry(call, opened, deadline)


def memory() -> int:
    """A descriptor of anonymous memory for one board."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("certrail-calls")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, _BYTES)
    return descriptor


def _fitting(call: OpenCall) -> bytes:
    text = json.dumps(asdict(call)).encode()
    if len(text) <= _TEXT:
        return text
    return json.dumps(asdict(OpenCall(call.plugin[:100], call.version[:60], call.verb[:40]))).encode()[:_TEXT]
