"""Whoever can write the database, but has no keyring, is found: by seals, keyed links, or the witness outside of it.

No head is noted elsewhere in these tests. Re-chained means that every hash, and whatever else needs no key, is
computed anew, so that the log is consistent in itself.
"""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlmodel import Session, col, select
from tests.integration.conftest import KEYRING, Team

from certrail.crypto.keyring import Keyring
from certrail.domain.audit_chain import GENESIS, AuditLogTampered, ChainPosition, keyed_link, link
from certrail.persistence.tables import AuditChainHead, EventRow
from certrail.services.core.audit_log import AuditLog, append, document
from certrail.services.core.audit_seal import empty_head
from certrail.services.core.audit_witness import AuditWitness

pytestmark = pytest.mark.any_database

Tamper = Callable[[Session], Any]
OLDER: dict[str, Any] = {}
"""The head as it was once, column by column: its seal is genuine. The fixture fills it."""


@pytest.fixture
def witnessed(team: Team, tmp_path: Path) -> tuple[Team, AuditLog]:
    """An installation with a witness, and some history of which an early head is known to the attacker."""
    context = team.services.context
    context.audit_witness = AuditWitness(tmp_path / "witness", context.keyring)
    for number in range(3):
        team.person(f"early-{number}")
    with context.db.read() as session:
        OLDER.update(session.get_one(AuditChainHead, 1).model_dump())
    for number in range(3):
        team.person(f"late-{number}")
    record = AuditLog(context.db, context.keyring, context.audit_witness)
    assert record.verify().faults == record.head_faults() == []
    return team, record


def _rows(session: Session) -> list[EventRow]:
    return list(session.exec(select(EventRow).order_by(col(EventRow.seq))))


def _chain_anew(session: Session, key: bytes = b"guessed", upto: int | None = None) -> None:
    """Everything that can be computed without the keyring, from the first event to the head."""
    session.flush()
    before = mac = GENESIS
    number = 0
    for number, row in enumerate(_rows(session), start=1):
        session.exec(update(EventRow).where(col(EventRow.id) == row.id).values(seq=number))
        stored = session.exec(
            select(EventRow).where(EventRow.id == row.id).execution_options(populate_existing=True)
        ).one()
        before = link(before, document(stored))
        mac = keyed_link(key, mac, before)
        session.exec(update(EventRow).where(col(EventRow.id) == row.id).values(hash=before, mac=mac))
    session.exec(update(AuditChainHead).values(seq=number, hash=before, mac=mac))


def _set(seq: int, **values: Any) -> Tamper:
    return lambda session: session.exec(update(EventRow).where(col(EventRow.seq) == seq).values(values))


def _drop(where: Any) -> Tamper:
    return lambda session: session.exec(delete(EventRow).where(where))


def _swap(session: Session) -> None:
    for old, new in ((3, -1), (4, 3), (-1, 4)):
        session.exec(update(EventRow).where(col(EventRow.seq) == old).values(seq=new))


def _copy(session: Session, source: int, seq: int) -> EventRow:
    row = session.exec(select(EventRow).where(EventRow.seq == source)).one()
    return EventRow(**{**row.model_dump(), "id": uuid.uuid4().hex, "seq": seq})


def _insert_in_the_middle(session: Session) -> None:
    last = len(_rows(session))
    for seq in range(last, 3, -1):
        session.exec(update(EventRow).where(col(EventRow.seq) == seq).values(seq=seq + 1))
    session.add(_copy(session, 3, 4))
    session.flush()


def _older_head(session: Session) -> None:
    session.exec(update(AuditChainHead).values(OLDER))


def _set_back(session: Session) -> None:
    session.exec(delete(EventRow).where(col(EventRow.seq) > OLDER["seq"]))
    _older_head(session)


def _then(*steps: Tamper) -> Tamper:
    def run(session: Session) -> None:
        for step in steps:
            step(session)

    return run


def _emptied(seal: str) -> Tamper:
    def run(session: Session) -> None:
        session.exec(delete(EventRow))
        session.exec(update(AuditChainHead).values(seq=0, hash=GENESIS, mac=GENESIS, seal=seal))

    return run


def _another_installation(session: Session) -> None:
    """A whole log, sealed and linked by a keyring, but not by this one."""
    keyring = Keyring.generate()
    rows = [EventRow(**row.model_dump()) for row in _rows(session)[:5]]
    session.exec(delete(EventRow))
    session.exec(delete(AuditChainHead))
    session.expunge_all()
    session.add(AuditChainHead(**empty_head(keyring)))
    session.flush()
    append(session, keyring, rows)


def _another_link_key(session: Session) -> None:
    """An attacker with a keyring of their own makes a key whose links they can compute."""
    head = empty_head(Keyring.generate())
    _set(3, actor_name="Somebody")(session)
    _chain_anew(session)
    session.exec(update(AuditChainHead).values(link_key_sealed=head["link_key_sealed"]))


TAMPERING: dict[str, Tamper] = {
    "actor changed": _set(3, actor_name="Somebody"),
    "data emptied": _set(5, data={}),
    "time changed": lambda s: s.exec(
        text("update event set created_at = '2001-01-01 00:00:00' where seq = 4")
    ),  # type: ignore[call-overload]
    "hash changed": _set(4, hash="0" * 64),
    "keyed link changed": _set(4, mac="0" * 64),
    "first deleted": _drop(col(EventRow.seq) == 1),
    "middle deleted": _drop(col(EventRow.seq) == 5),
    "last deleted": lambda s: _drop(col(EventRow.seq) == len(_rows(s)))(s),
    "exchanged": _swap,
    "added behind the head": lambda s: s.add(_copy(s, 3, len(_rows(s)) + 1)),
    "added before the first": lambda s: s.add(_copy(s, 3, 0)),
    "head set back alone": _older_head,
    "head deleted": lambda s: s.exec(delete(AuditChainHead)),
    "second head": lambda s: s.add(AuditChainHead(**{**empty_head(KEYRING), "id": 2})),
    "changed and re-chained": _then(_set(3, actor_name="Somebody"), _chain_anew),
    "middle deleted and re-chained": _then(_drop(col(EventRow.seq) == 5), _chain_anew),
    "end deleted and re-chained": _then(_drop(col(EventRow.seq) > 8), _chain_anew),
    "inserted and re-chained": _then(_insert_in_the_middle, _chain_anew),
    "exchanged and re-chained": _then(_swap, _chain_anew),
    "changed, re-chained, older seal": _then(
        _set(3, actor_name="Somebody"),
        _chain_anew,
        lambda s: s.exec(update(AuditChainHead).values(seal=OLDER["seal"])),
    ),
    "re-chained with another key": _another_link_key,
    "set back to an older, sealed head": _set_back,
    "set back, then the older end re-chained": _then(_set_back, _set(2, actor_name="Somebody"), _chain_anew),
    "emptied, without a seal": _emptied(""),
    "emptied, with the seal of the empty log": _emptied(empty_head(KEYRING)["seal"]),
    "replaced by that of another installation": _another_installation,
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found_without_a_head_noted_elsewhere(
    witnessed: tuple[Team, AuditLog], what: str
) -> None:
    team, record = witnessed
    with team.services.context.db.write() as session:
        TAMPERING[what](session)
    assert record.verify().faults, what


def test_there_are_at_least_twenty_kinds() -> None:
    assert len(TAMPERING) >= 20
    assert sum("re-chained" in what for what in TAMPERING) >= 7


RE_CHAINED = [what for what in TAMPERING if "re-chained" in what or "emptied, without" in what]


@pytest.mark.parametrize("what", [*RE_CHAINED, "head deleted", "head set back alone"])
def test_the_next_event_does_not_seal_what_was_tampered_with(
    witnessed: tuple[Team, AuditLog], what: str
) -> None:
    team, record = witnessed
    with team.services.context.db.write() as session:
        TAMPERING[what](session)
    with pytest.raises(Exception, match=r"audit verify|UNIQUE|duplicate key"):
        team.person("next")
    assert record.verify().faults


def test_what_was_set_back_stays_found_after_later_events(witnessed: tuple[Team, AuditLog]) -> None:
    """The older head is genuine, so events go on behind it, past the number that the witness remembers."""
    team, record = witnessed
    with team.services.context.db.write() as session:
        _set_back(session)
    assert record.head_faults()
    for number in range(8):
        team.person(f"after-{number}")
    (fault,) = record.verify().faults
    assert "is not the one that was remembered" in fault
    assert record.head_faults()


def test_a_restored_backup_is_accepted_by_a_person_only_when_it_is_whole(
    witnessed: tuple[Team, AuditLog],
) -> None:
    team, record = witnessed
    database = team.services.context.db
    remembered = record.head()
    with database.write() as session:
        _set_back(session)
    assert record.accept() == ChainPosition(remembered.seq, remembered.hash)
    assert record.verify().faults == record.head_faults() == []
    team.person("after")
    assert record.verify().faults == []
    with database.write() as session:
        _set(2, actor_name="Somebody")(session)
    with pytest.raises(AuditLogTampered, match="event 2 was changed"):
        record.accept()


def test_an_event_that_the_driver_cannot_read_is_named(team: Team) -> None:
    if not team.services.context.db.is_sqlite:
        pytest.skip("PostgreSQL refuses such values")
    with team.services.context.db.write() as session:
        for seq, broken in ((2, "created_at = 'yesterday'"), (3, "data = '{'"), (4, "actor_name = x'ff'")):
            session.exec(text(f"update event set {broken} where seq = {seq}"))  # type: ignore[call-overload]
    faults = team.services.audit_log.verify().faults
    assert [fault.split(" ")[1] for fault in faults[:2]] == ["2", "3"]
    assert any("event 4" in fault for fault in faults)


def test_the_witness_follows_other_hosts_and_late_writers(team: Team, tmp_path: Path) -> None:
    """Two hosts share a database, each has a witness; and commits reach the file in another order."""
    context = team.services.context
    here, there = (AuditWitness(tmp_path / name, context.keyring) for name in ("here", "there"))
    heads = []
    for number in range(6):
        context.audit_witness = here if number % 2 else there
        team.person(f"person-{number}")
        head = team.services.audit_log.head()
        heads.append(ChainPosition(head.seq, head.hash))
    assert (here.position(), there.position() in heads) == (heads[-1], True)
    here.advance(heads[2], heads[3], lambda _seq: heads[-1].hash)
    assert here.position() == heads[-1], "it never goes back"
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o600
