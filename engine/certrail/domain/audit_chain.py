"""The audit chain: each event carries a hash over itself and the hash before it, and a keyed link over both.

The hash (SHA-256) needs no secret: anybody can follow it in an export, up to a head that was noted elsewhere. The link
(HMAC-SHA256, RFC 2104) needs a key under the keyring: whoever can write the database, and computes every hash anew,
cannot compute a single link.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certrail.domain.errors import BadInput, Unavailable

GENESIS = "0" * 64
"""What the first event is chained to, as hash and as link."""

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
"""The members of an event that its hash covers: all but the hash and the link."""


class AuditLogTampered(Unavailable):
    """The head of the audit chain is not the one that certrail sealed: nothing is recorded behind it."""

    kind, title = "audit-log-tampered", "The audit log was tampered with"


def link(previous: str, event: Mapping[str, Any]) -> str:
    """SHA-256, hex, over the hash before and the event as JSON: keys sorted, no blanks, ASCII."""
    covered = {name: event[name] for name in CHAINED}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def keyed_link(key: bytes, previous: str, hash_: str) -> str:
    """HMAC-SHA256, hex, over the keyed link before and the hash of the event."""
    return hmac.new(key, f"{previous}\n{hash_}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class ChainPosition:
    """A position in the chain: the number of an event, and its hash. Written as ``12:9f86d0…``."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "ChainPosition":
        """Read a position. Raises BadInput."""
        if (found := re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text.strip())) is None:
            raise BadInput("A head is written as NUMBER:HASH, the hash having 64 hexadecimal digits.", "head")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


START = ChainPosition(0, GENESIS)


@dataclass
class Verifier:
    """Follows the chain, event by event, and goes on behind a fault to find the others.

    Attributes:
        remembered: positions that were noted elsewhere, which the chain must pass through.
        key: of the keyed links; without it they are not verified.
        seq: of the last event taken.
        hash: of the last event.
        mac: keyed link of the last event.
        faults: what is wrong, for a person.
    """

    remembered: tuple[ChainPosition, ...] = ()
    key: bytes | None = field(default=None, repr=False)
    seq: int = 0
    hash: str = GENESIS
    mac: str = GENESIS
    faults: list[str] = field(default_factory=list)

    def append(self, event: Mapping[str, Any]) -> None:
        """Check the next event against all before it."""
        seq, stored, mac = event.get("seq"), event.get("hash"), event.get("mac")
        if not isinstance(seq, int) or not isinstance(stored, str) or not isinstance(mac, str):
            self.faults.append(f"after event {self.seq}: this is not an event of the audit log")
            return
        if set(CHAINED) - event.keys():
            self.faults.append(f"event {seq} cannot be read")
        elif seq <= self.seq:
            self.faults.append(f"event {seq} stands after event {self.seq}: it was moved or added")
        elif seq != self.seq + 1:
            self.faults.append(_missing(self.seq + 1, seq - 1))
        elif not _same(stored, _link_of(self.hash, event)):
            self.faults.append(f"event {seq} was changed, or is not the one that was recorded here")
        elif self.key is not None and not _same(mac, keyed_link(self.key, self.mac, stored)):
            self.faults.append(f"event {seq} was rewritten: its link was not made with certrail's key")
        self.seq, self.hash, self.mac = seq, stored, mac
        for position in self.remembered:
            if seq == position.seq and stored != position.hash:
                self.faults.append(f"event {seq} is not the one that was remembered: the log was rewritten")

    def close(self, seq: int, hash_: str, mac: str) -> None:
        """Check that the chain ends where its head says."""
        if self.seq < seq:
            self.faults.append(f"{_missing(self.seq + 1, seq)} at the end")
        elif (self.seq, self.hash, self.mac) != (seq, hash_, mac):
            self.faults.append(f"the log ends with event {self.seq}, its head says {seq} or another hash")
        self.faults.extend(
            f"the head says {seq}, event {position.seq} was remembered: it was set back"
            for position in self.remembered
            if seq < position.seq
        )


def _same(stored: str, computed: str | None) -> bool:
    # Both are hex digits, or the stored one is wrong anyway: compared as bytes, since a str must be ASCII here.
    return computed is not None and hmac.compare_digest(stored.encode("utf-8", "replace"), computed.encode())


def _link_of(previous: str, event: Mapping[str, Any]) -> str | None:
    """The hash that an event should have; ``None`` where a column holds what JSON does not know, such as bytes."""
    try:
        return link(previous, event)
    except (TypeError, ValueError):
        return None


def _missing(first: int, last: int) -> str:
    return f"event {first} is missing" if first == last else f"events {first} to {last} are missing"
