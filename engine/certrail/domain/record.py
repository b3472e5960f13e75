"""The chain of the record: every event carries a hash over itself and over the hash of the event before it.

So nobody can change, drop, add or move an event without every later hash being wrong.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GENESIS = "0" * 64
"""What the first event is chained to."""

CHAINED = (
    "seq",
    "id",
    "created_at",
    "type",
    "application_id",
    "subject_type",
    "subject_id",
    "actor_id",
    "actor_name",
    "request_id",
    "data",
)
"""The members of an event that its hash covers, which is all but the hash."""


def link(previous: str, event: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the hash before and the event as JSON: keys sorted, no blanks, ASCII."""
    covered = {name: event[name] for name in CHAINED}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


@dataclass
class Verifier:
    """Follows the chain, event by event, and goes on behind a fault to find the others.

    Attributes:
        seq: of the last event taken.
        hash: that the last event carries.
        faults: what is wrong, for a person.
    """

    seq: int = 0
    hash: str = GENESIS
    faults: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        """Check the next event against all before it."""
        seq, carried = event.get("seq"), event.get("hash")
        if not isinstance(seq, int) or not isinstance(carried, str) or set(CHAINED) - event.keys():
            self.faults.append(f"after event {self.seq}: this is no event of the record")
            return
        if seq <= self.seq:
            self.faults.append(f"event {seq} stands after event {self.seq}: it was moved or added")
        elif seq != self.seq + 1:
            self.faults.append(f"events {self.seq + 1} to {seq - 1} are missing")
        elif carried != link(self.hash, event):
            self.faults.append(f"event {seq} was changed, or is not the one that was recorded here")
        self.seq, self.hash = seq, carried

    def close(self, seq: int, hash_: str) -> None:
        """Check that the chain ends where its head says."""
        if self.seq < seq:
            self.faults.append(f"events {self.seq + 1} to {seq} are missing at the end")
        elif (self.seq, self.hash) != (seq, hash_):
            self.faults.append(f"the record ends with event {self.seq}, its head says {seq} or another hash")
