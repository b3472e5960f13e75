"""The chain of the record: every event carries a hash over itself and over the hash of the event before it.

So nobody can change, drop, add or move an event without every later hash being wrong.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certrail.domain.errors import BadInput

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


@dataclass(frozen=True)
class Place:
    """A place in the chain: the number of an event, and the hash that it carries. Written as ``12:9f86d0…``."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read a place. Raises BadInput."""
        if (found := re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text.strip())) is None:
            raise BadInput("A head is written as NUMBER:HASH, the hash having 64 hexadecimal digits.", "head")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass
class Verifier:
    """Follows the chain, event by event, and goes on behind a fault to find the others.

    Attributes:
        remembered: a head that was noted elsewhere, which the chain must pass through.
        seq: of the last event taken.
        hash: that the last event carries.
        faults: what is wrong, for a person.
    """

    remembered: Place = Place(0, GENESIS)
    seq: int = 0
    hash: str = GENESIS
    faults: list[str] = field(default_factory=list)

    def append(self, event: Mapping[str, Any]) -> None:
        """Check the next event against all before it."""
        seq, stored = event.get("seq"), event.get("hash")
        if not isinstance(seq, int) or not isinstance(stored, str) or set(CHAINED) - event.keys():
            self.faults.append(f"after event {self.seq}: this is no event of the record")
            return
        if seq <= self.seq:
            self.faults.append(f"event {seq} stands after event {self.seq}: it was moved or added")
        elif seq != self.seq + 1:
            self.faults.append(_missing(self.seq + 1, seq - 1))
        elif stored != link(self.hash, event):
            self.faults.append(f"event {seq} was changed, or is not the one that was recorded here")
        self.seq, self.hash = seq, stored
        if seq == self.remembered.seq and stored != self.remembered.hash:
            self.faults.append(f"event {seq} is not the one that was remembered: the record was rewritten")

    def close(self, seq: int, hash_: str) -> None:
        """Check that the chain ends where its head says."""
        if self.seq < seq:
            self.faults.append(f"{_missing(self.seq + 1, seq)} at the end")
        elif (self.seq, self.hash) != (seq, hash_):
            self.faults.append(f"the record ends with event {self.seq}, its head says {seq} or another hash")
        if seq < self.remembered.seq:
            self.faults.append(
                f"the head says {seq}, event {self.remembered.seq} was remembered: it was set back"
            )


def _missing(first: int, last: int) -> str:
    return f"event {first} is missing" if first == last else f"events {first} to {last} are missing"
