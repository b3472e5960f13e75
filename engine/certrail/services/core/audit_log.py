"""The record of events: chained as it is written, verified from the first event, exported for others to verify."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import IO, Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.purposes import AUDIT_HEAD_PURPOSE
from certrail.domain.audit_chain import GENESIS, Place, Verifier, link
from certrail.domain.errors import BadInput
from certrail.persistence.database import Database, locked
from certrail.persistence.tables import AuditChainHead, EventRow

FORMAT = "certrail-record/1"
BATCH = 1000
LONGEST_LINE = 4_194_304

TEAM_SUBJECTS = (
    "alert",
    "approval",
    "approval_policy",
    "certificate",
    "channel",
    "delivery",
    "incident",
    "notification",
    "request",
    "retirement",
    "sync",
)
"""What may belong to an Application, as events call it."""

Progress = Callable[[int], None]


def document(event: EventRow) -> dict[str, Any]:
    """An event as it is chained, exported, and shown to plugins."""
    values = event.model_dump(mode="json", exclude={"hash", "created_at"})
    return {**values, "created_at": event.created_at.astimezone(UTC).isoformat()}


def append(session: Session, keyring: Keyring, events: Sequence[EventRow]) -> None:
    """Number and chain the events of one transaction.

    Whoever holds the head holds up all other writers, so everything else is written before it is taken; that
    also makes it the last lock in every transaction, and a deadlock impossible.
    """
    if not events:
        return
    session.flush()
    head = session.exec(locked(select(AuditChainHead))).one()
    for event in events:
        event.seq = head.seq + 1
        event.hash = link(head.hash, document(event))
        head.seq, head.hash = event.seq, event.hash
        session.add(event)
    head.seal = keyring.seal(_sealed_text(head.seq, head.hash), AUDIT_HEAD_PURPOSE)
    session.add(head)


class AuditLog:
    """Reads, verifies and exports what happened."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db, self._keyring = db, keyring

    def events(
        self,
        application_id: str | None,
        *,
        after: int = 0,
        limit: int = 100,
        type_: str | None = None,
        subject_id: str | None = None,
        outside: bool = False,
    ) -> Sequence[EventRow]:
        """Events in order, of one Application or, for ``None``, of everything.

        Args:
            outside: of the legacy scope only, not of every Application and of the product.
        """
        with self._db.read() as session:
            query = select(EventRow).where(col(EventRow.seq) > after)
            if application_id is not None:
                query = query.where(EventRow.application_id == application_id)
            elif outside:
                query = query.where(col(EventRow.application_id).is_(None), _of_a_team())
            if type_:
                query = query.where(EventRow.type == type_)
            if subject_id:
                query = query.where(EventRow.subject_id == subject_id)
            return session.exec(query.order_by(col(EventRow.seq)).limit(limit)).all()

    def head(self) -> AuditChainHead:
        """The end of the chain. Kept elsewhere, it proves later that nothing before it was rewritten."""
        with self._db.read() as session:
            return session.exec(select(AuditChainHead)).one()

    def verify(self, progress: Progress = lambda _count: None, remembered: Place | None = None) -> Verifier:
        """Follow the whole chain in the database; `progress` hears how many events were read.

        Args:
            remembered: a head that was noted elsewhere; only this shows that a whole older record was put back.
        """
        head, outside = self._head_and_outside()
        found = _follow(self._all(head.seq), progress, remembered)
        found.close(head.seq, head.hash)
        found.faults.extend(f"event {seq} stands outside of the chain: it was added" for seq in outside)
        found.faults.extend(seal_faults(self._keyring, head.seq, head.hash, head.seal))
        return found

    def _head_and_outside(self) -> tuple[AuditChainHead, Sequence[int]]:
        """The head, and numbers that no event under it has: in one statement, since others go on writing."""
        outside = or_(col(EventRow.seq) > AuditChainHead.seq, col(EventRow.seq) < 1)
        with self._db.read() as session:
            query = select(AuditChainHead, EventRow.seq).join(EventRow, outside, isouter=True)
            rows = session.exec(query.order_by(col(EventRow.seq)).limit(BATCH)).all()
        return rows[0][0], [seq for _, seq in rows if seq is not None]

    def export(self, file: IO[str], progress: Progress = lambda _count: None) -> int:
        """Write the record as JSON lines: a header, every event, the head. Returns how many events."""
        head = self.head()
        _write(file, {"format": FORMAT})
        count = 0
        for count, event in enumerate(self._all(head.seq), start=1):
            _write(file, event)
            progress(count)
        _write(file, {"head": {"seq": head.seq, "hash": head.hash, "seal": head.seal}})
        return count

    def _all(self, last: int) -> Iterator[dict[str, Any]]:
        after = 0
        while after < last and (rows := self.events(None, after=after, limit=BATCH)):
            for row in rows:
                # What was committed since the head was read belongs to the next verification.
                if (row.seq or 0) <= last:
                    yield {**document(row), "hash": row.hash}
            after = rows[-1].seq or last


def verify_export(
    file: IO[str],
    keyring: Keyring | None,
    progress: Progress = lambda _count: None,
    remembered: Place | None = None,
) -> Verifier:
    """Follow the chain in an export, without the database; with the keyring its head is checked too.

    Raises:
        BadInput: this is no export of a record.
    """
    lines = _lines(file)
    if next(lines, {}).get("format") != FORMAT:
        raise BadInput(f"This is no export of a record: its first line does not say {FORMAT}.", "file")
    last: dict[str, Any] = {}

    def events() -> Iterator[dict[str, Any]]:
        for line in lines:
            if "head" in line:
                last.update(line)
                return
            yield line

    found = _follow(events(), progress, remembered)
    head = last.get("head")
    if not isinstance(head, dict):
        found.faults.append("the head is missing: the file was cut off")
        return found
    if next(lines, None) is not None:
        found.faults.append("there is something behind the head")
    found.close(head.get("seq", 0), head.get("hash", GENESIS))
    if keyring is not None:
        found.faults.extend(seal_faults(keyring, found.seq, found.hash, str(head.get("seal", ""))))
    return found


def seal_faults(keyring: Keyring, seq: int, hash_: str, seal: str) -> list[str]:
    """Whether the head was written by somebody who holds the keyring. An empty record has no seal yet."""
    if seq == 0:
        return []
    if not seal:
        return ["the head has no seal: the record is older than its chain; the next event sets one"]
    try:
        genuine = keyring.open(seal, AUDIT_HEAD_PURPOSE) == _sealed_text(seq, hash_)
    except KeyringError as problem:
        return [f"the seal of the head cannot be opened: {problem}"]
    return [] if genuine else ["the head was rewritten: its seal is that of another one"]


def _of_a_team() -> ColumnElement[bool]:
    """What is not about the product, its people and who was refused."""
    return or_(col(EventRow.subject_type).in_(TEAM_SUBJECTS), col(EventRow.type).startswith("member."))


def _sealed_text(seq: int, hash_: str) -> bytes:
    return f"{seq} {hash_}".encode()


def _follow(events: Iterable[Mapping[str, Any]], progress: Progress, remembered: Place | None) -> Verifier:
    verifier = Verifier(remembered) if remembered else Verifier()
    for count, event in enumerate(events, start=1):
        verifier.append(event)
        progress(count)
    return verifier


def _write(file: IO[str], value: Mapping[str, Any]) -> None:
    file.write(json.dumps(value, separators=(",", ":"), ensure_ascii=True) + "\n")


def _lines(file: IO[str]) -> Iterator[dict[str, Any]]:
    number = 0
    while text := file.readline(LONGEST_LINE):
        number += 1
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise BadInput(f"Line {number} of the export is no JSON object.", "file")
        yield value
