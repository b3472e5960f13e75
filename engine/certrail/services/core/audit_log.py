"""The audit log: chained as it is written, verified from the first event, exported for others to verify."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import IO, Any

from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, or_, select

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.purposes import AUDIT_LINK_PURPOSE
from certrail.domain.audit_chain import GENESIS, AuditLogTampered, ChainPosition, Verifier, keyed_link, link
from certrail.domain.errors import BadInput
from certrail.persistence.database import Database, locked
from certrail.persistence.tables import AuditChainHead, EventRow
from certrail.services.core.audit_seal import link_key, require_genuine, seal, seal_faults
from certrail.services.core.audit_witness import AuditWitness

FORMAT = "certrail-record/2"
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
    values = event.model_dump(mode="json", exclude={"hash", "mac", "created_at"})
    return {**values, "created_at": event.created_at.astimezone(UTC).isoformat()}


def append(
    session: Session, keyring: Keyring, events: Sequence[EventRow]
) -> tuple[ChainPosition, ChainPosition]:
    """Number and chain the events of one transaction; returns the head before and after it.

    Whoever holds the head holds up all other writers, so everything else is written before it is taken; that
    also makes it the last lock in every transaction, and a deadlock impossible.

    Raises:
        AuditLogTampered: the head is not the one that certrail sealed.
    """
    session.flush()
    head = session.exec(locked(select(AuditChainHead).where(AuditChainHead.id == 1))).one_or_none()
    if head is None:
        raise AuditLogTampered("The head of the audit log is missing. Run: certrail audit verify")
    # Before it is extended: else a chain that was computed anew would get a genuine seal by the next event.
    require_genuine(keyring, head)
    before, key = ChainPosition(head.seq, head.hash), link_key(keyring, head)
    seq, hash_, mac = head.seq, head.hash, head.mac
    for event in events:
        event.seq = seq = seq + 1
        event.hash = hash_ = link(hash_, document(event))
        event.mac = mac = keyed_link(key, mac, hash_)
    session.add_all(events)
    head.seq, head.hash, head.mac = seq, hash_, mac
    seal(keyring, head)
    session.add(head)
    return before, ChainPosition(head.seq, head.hash)


class AuditLog:
    """Reads, verifies and exports what happened."""

    def __init__(self, db: Database, keyring: Keyring, witness: AuditWitness | None = None) -> None:
        self._db, self._keyring, self._witness = db, keyring, witness

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

    def about(self, subject_ids: Sequence[str], limit: int = 100) -> Sequence[EventRow]:
        """The newest events about any of some objects, newest first."""
        with self._db.read() as session:
            query = select(EventRow).where(col(EventRow.subject_id).in_(subject_ids))
            return session.exec(query.order_by(col(EventRow.seq).desc()).limit(limit)).all()

    def newest(
        self,
        application_ids: Sequence[str] | None,
        types: Sequence[str] = (),
        limit: int = 20,
        *,
        before: int | None = None,
    ) -> Sequence[EventRow]:
        """The newest events of some Applications, or of everything for ``None``; newest first.

        Args:
            types: only these; none given, all.
            before: only events whose `seq` is smaller.
        """
        with self._db.read() as session:
            query = select(EventRow)
            if application_ids is not None:
                query = query.where(col(EventRow.application_id).in_(application_ids))
            if types:
                query = query.where(col(EventRow.type).in_(types))
            if before is not None:
                query = query.where(col(EventRow.seq) < before)
            return session.exec(query.order_by(col(EventRow.seq).desc()).limit(limit)).all()

    def head(self) -> AuditChainHead:
        """The end of the chain. Kept elsewhere, it proves later that nothing before it was rewritten."""
        with self._db.read() as session:
            return session.exec(select(AuditChainHead)).one()

    def verify(
        self, progress: Progress = lambda _count: None, remembered: ChainPosition | None = None
    ) -> Verifier:
        """Follow the whole chain in the database; `progress` hears how many events were read.

        Args:
            remembered: a head that was noted elsewhere, besides the one that the witness remembers.
        """
        # Read before the head: what is committed in between makes the head newer, never older.
        witnessed, unreadable = self._witnessed()
        heads, outside = self._heads_and_outside()
        found = Verifier(tuple(position for position in (remembered, witnessed) if position))
        found.faults.extend(unreadable)
        if len(heads) != 1:
            found.faults.append(
                "the head is missing" if not heads else f"there are {len(heads)} heads: one was added"
            )
        head = heads[0] if heads else AuditChainHead(hash=GENESIS, mac=GENESIS)
        found.key = self._link_key(head, found.faults)
        _follow(found, self._all(head.seq), progress)
        found.close(head.seq, head.hash, head.mac)
        found.faults.extend(f"event {seq} stands outside of the chain: it was added" for seq in outside)
        if heads:
            found.faults.extend(seal_faults(self._keyring, head.seq, head.hash, head.mac, head.seal))
        return found

    def head_faults(self) -> list[str]:
        """What a look at the end of the chain shows, without following it: seal, last event and witness."""
        witnessed, faults = self._witnessed()
        with self._db.read() as session:
            head = session.get(AuditChainHead, 1)
            if head is None:
                return ["the head is missing"]
            numbers = {head.seq, witnessed.seq if witnessed else 0} - {0}
            query = select(col(EventRow.seq), EventRow.hash).where(col(EventRow.seq).in_(numbers))
            hashes = dict(session.exec(query).all())
        faults.extend(seal_faults(self._keyring, head.seq, head.hash, head.mac, head.seal))
        if hashes.get(head.seq, GENESIS) != head.hash:
            faults.append(f"event {head.seq} is missing or was changed")
        if witnessed and hashes.get(witnessed.seq) != witnessed.hash:
            faults.append(
                f"event {witnessed.seq} is not as it was written here: the log was set back or rewritten"
            )
        return faults

    def accept(self) -> ChainPosition | None:
        """Let the witness go on from the present head, after a backup was restored; returns what it remembered.

        Raises:
            AuditLogTampered: the chain has other faults than being older than the witness.
        """
        if self._witness is None:
            return None
        remembered = self._witness.position()
        witness, self._witness = self._witness, None
        try:
            found = self.verify()
        finally:
            self._witness = witness
        if found.faults:
            raise AuditLogTampered(found.faults[0])
        witness.restart(ChainPosition(found.seq, found.hash))
        return remembered

    def _witnessed(self) -> tuple[ChainPosition | None, list[str]]:
        try:
            return (self._witness.position() if self._witness else None), []
        except (KeyringError, BadInput, OSError) as problem:
            return None, [f"the audit witness cannot be read: {problem}"]

    def _link_key(self, head: AuditChainHead, faults: list[str]) -> bytes | None:
        try:
            return link_key(self._keyring, head)
        except KeyringError as problem:
            faults.append(f"the key of the links cannot be opened: {problem}")
            return None

    def _heads_and_outside(self) -> tuple[Sequence[AuditChainHead], Sequence[int]]:
        """The head, and numbers that no event under it has: in one statement, since others go on writing."""
        outside = or_(col(EventRow.seq) > AuditChainHead.seq, col(EventRow.seq) < 1)
        with self._db.read() as session:
            query = select(AuditChainHead, EventRow.seq).join(EventRow, outside, isouter=True)
            rows = session.exec(query.order_by(col(AuditChainHead.id), col(EventRow.seq)).limit(BATCH)).all()
        heads = {head.id: head for head, _ in rows}
        first = rows[0][0].id if rows else None
        return list(heads.values()), [seq for head, seq in rows if seq is not None and head.id == first]

    def export(self, file: IO[str], progress: Progress = lambda _count: None) -> int:
        """Write the log as JSON lines: a header, every event, the head. Returns how many events."""
        head = self.head()
        _write(file, {"format": FORMAT, "link_key_sealed": head.link_key_sealed})
        count = 0
        for count, event in enumerate(self._all(head.seq), start=1):
            _write(file, event)
            progress(count)
        _write(file, {"head": {"seq": head.seq, "hash": head.hash, "mac": head.mac, "seal": head.seal}})
        return count

    def _all(self, last: int) -> Iterator[dict[str, Any]]:
        after = 0
        while after < last:
            seqs = self._seqs(after)
            if not seqs:
                return
            for event in self._documents(after, seqs):
                # What was committed since the head was read belongs to the next verification.
                if event["seq"] <= last:
                    yield event
            after = seqs[-1]

    def _seqs(self, after: int) -> Sequence[int]:
        with self._db.read() as session:
            query = select(col(EventRow.seq)).where(col(EventRow.seq) > after)
            found = session.exec(query.order_by(col(EventRow.seq)).limit(BATCH)).all()
            return [seq for seq in found if seq is not None]

    def _documents(self, after: int, seqs: Sequence[int]) -> Iterator[dict[str, Any]]:
        """A batch of events; one that the driver cannot read, such as a broken date, has its number only."""
        try:
            yield from [_chained(row) for row in self.events(None, after=after, limit=len(seqs))]
        except (SQLAlchemyError, ValueError, TypeError, AttributeError):
            for seq in seqs:
                yield self._document_or_number(seq)

    def _document_or_number(self, seq: int) -> dict[str, Any]:
        try:
            (row,) = self.events(None, after=seq - 1, limit=1)
            return _chained(row)
        except (SQLAlchemyError, ValueError, TypeError, AttributeError):
            return {"seq": seq, "hash": "", "mac": ""}


def verify_export(
    file: IO[str],
    keyring: Keyring | None,
    progress: Progress = lambda _count: None,
    remembered: ChainPosition | None = None,
) -> Verifier:
    """Follow the chain in an export, without the database; with the keyring its links and its head are verified too.

    Raises:
        BadInput: this is not an export of an audit log.
    """
    lines = _lines(file)
    header = next(lines, {})
    if header.get("format") != FORMAT:
        raise BadInput(
            f"This is not an export of an audit log: its first line does not say {FORMAT}.", "file"
        )
    found = Verifier((remembered,) if remembered else ())
    if keyring is not None:
        found.key = _export_key(keyring, header, found.faults)
    last: dict[str, Any] = {}

    def events() -> Iterator[dict[str, Any]]:
        for line in lines:
            if "head" in line:
                last.update(line)
                return
            yield line

    _follow(found, events(), progress)
    head = last.get("head")
    if not isinstance(head, dict):
        found.faults.append("the head is missing: the file was cut off")
        return found
    if next(lines, None) is not None:
        found.faults.append("there is something behind the head")
    found.close(head.get("seq", 0), head.get("hash", GENESIS), head.get("mac", GENESIS))
    if keyring is not None:
        envelope = str(head.get("seal", ""))
        found.faults.extend(seal_faults(keyring, found.seq, found.hash, found.mac, envelope))
    return found


def _export_key(keyring: Keyring, header: Mapping[str, Any], faults: list[str]) -> bytes | None:
    try:
        return keyring.open(str(header.get("link_key_sealed", "")), AUDIT_LINK_PURPOSE)
    except KeyringError as problem:
        faults.append(f"the key of the links cannot be opened: {problem}")
        return None


def _chained(row: EventRow) -> dict[str, Any]:
    return {**document(row), "hash": row.hash, "mac": row.mac}


def _of_a_team() -> ColumnElement[bool]:
    """What is not about the product, its people and who was refused."""
    return or_(col(EventRow.subject_type).in_(TEAM_SUBJECTS), col(EventRow.type).startswith("member."))


def _follow(verifier: Verifier, events: Iterable[Mapping[str, Any]], progress: Progress) -> None:
    for count, event in enumerate(events, start=1):
        verifier.append(event)
        progress(count)


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
            raise BadInput(f"Line {number} of the export is not a JSON object.", "file")
        yield value
