"""The record: chained in the order of commits, and every way of tampering with it is found."""

import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import col
from tests.integration.conftest import Team

from certrail.crypto.keyring import Keyring
from certrail.domain.audit_chain import ChainPosition, keyed_link, link
from certrail.domain.errors import BadInput
from certrail.persistence.database import Database
from certrail.persistence.tables import AuditChainHead, EventRow
from certrail.services.core.audit_log import document, verify_export
from certrail.services.core.audit_seal import link_key


def _some_history(team: Team) -> int:
    for number in range(5):
        team.person(f"person-{number}")
    return team.services.audit_log.head().seq


def _change(database: Database, statement: object) -> None:
    with database.write() as session:
        session.exec(statement)  # type: ignore[call-overload]


def test_every_event_is_chained_without_gaps(team: Team) -> None:
    last = _some_history(team)
    events = team.services.audit_log.events(None, limit=1000)
    assert [event.seq for event in events] == list(range(1, last + 1))
    with team.services.context.db.read() as session:
        key = link_key(team.services.context.keyring, session.get_one(AuditChainHead, 1))
    before = mac = "0" * 64
    for event in events:
        assert event.hash == link(before, document(event))
        assert event.mac == keyed_link(key, mac, event.hash)
        before, mac = event.hash, event.mac
    found = team.services.audit_log.verify()
    assert (found.faults, found.seq, found.hash) == ([], last, before)


@pytest.mark.parametrize(
    "column", ["id", "type", "application_id", "subject_type", "subject_id", "actor_id", "request_id"]
)
def test_no_column_is_left_out_of_the_hash(team: Team, column: str) -> None:
    _some_history(team)
    _change(team.services.context.db, update(EventRow).where(col(EventRow.seq) == 6).values({column: "x"}))
    assert team.services.audit_log.verify().faults == [
        "event 6 was changed, or is not the one that was recorded here"
    ]


def test_an_added_event_is_found(team: Team) -> None:
    last = _some_history(team)
    with team.services.context.db.write() as session:
        forged = session.get_one(EventRow, last).model_copy(update={"id": uuid.uuid4().hex, "seq": last + 1})
        session.add(EventRow(**forged.model_dump()))
    outside = f"event {last + 1} stands outside of the chain: it was added"
    assert team.services.audit_log.verify().faults == [outside]
    # The next honest event collides with it, loudly.
    with pytest.raises(Exception, match=r"UNIQUE|duplicate key"):
        team.person("next")
    _change(team.services.context.db, update(AuditChainHead).values(seq=last + 1, hash=forged.hash))
    faults = team.services.audit_log.verify().faults
    assert len(faults) == 2, "it is inside now, and neither its hash nor the seal fits"
    assert f"event {last + 1} was changed" in faults[0]
    assert "the head was rewritten" in faults[1]


def test_an_event_at_any_place_is_missed_found_changed_or_moved(team: Team) -> None:
    _some_history(team)
    database, audit_log = team.services.context.db, team.services.audit_log
    rows = [row.model_dump() for row in audit_log.events(None, limit=1000)]

    def faults(tampered: list[dict[str, Any]]) -> list[str]:
        with database.write() as session:
            session.exec(delete(EventRow))
            session.add_all(EventRow(**row) for row in tampered)
        return audit_log.verify().faults

    for n, row in enumerate(rows):
        others = rows[:n] + rows[n + 1 :]
        assert faults(others), f"event {n + 1} deleted"
        assert faults([*others, {**row, "type": "x"}]), f"event {n + 1} changed"
        after = rows[(n + 1) % len(rows)]
        swapped = [{**row, "seq": after["seq"]}, {**after, "seq": row["seq"]}]
        assert faults([*(r for r in others if r is not after), *swapped]), f"event {n + 1} moved"
    for seq in (-1, 0, len(rows) + 1, len(rows) + 2):
        added = {**rows[-1], "id": uuid.uuid4().hex, "seq": seq}
        assert faults([*rows, added]) == [f"event {seq} stands outside of the chain: it was added"]
    assert faults(rows) == []


def test_an_older_record_that_was_put_back_is_found_by_a_head_noted_elsewhere(team: Team) -> None:
    _some_history(team)
    audit_log, database = team.services.audit_log, team.services.context.db
    older = audit_log.head()
    team.person("late")
    noted = ChainPosition(audit_log.head().seq, audit_log.head().hash)
    assert audit_log.verify(remembered=noted).faults == []
    assert audit_log.verify(remembered=ChainPosition(older.seq, older.hash)).faults == []
    _change(database, delete(EventRow).where(col(EventRow.seq) > older.seq))
    _change(database, update(AuditChainHead).values(older.model_dump()))
    assert audit_log.verify().faults == [], "it was sealed once"
    fault = f"the head says {older.seq}, event {noted.seq} was remembered: it was set back"
    assert audit_log.verify(remembered=noted).faults == [fault]
    assert verify_export(io.StringIO("\n".join(_exported(team))), None, remembered=noted).faults == [fault]
    team.person("another-history")
    (rewritten,) = audit_log.verify(remembered=noted).faults
    assert "is not the one that was remembered" in rewritten


@pytest.mark.parametrize("text", ["", "1", "1:", f"x:{'0' * 64}", f"1:{'0' * 63}", f"-1:{'0' * 64}"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="NUMBER:HASH"):
        ChainPosition.parse(text)


def test_writers_at_once_leave_no_gap(team: Team) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: team.person(f"worker-{n}", None), range(40)))
    found = team.services.audit_log.verify()
    assert found.faults == []
    assert found.seq == len(team.services.audit_log.events(None, limit=1000))


def _exported(team: Team) -> list[str]:
    file = io.StringIO()
    count = team.services.audit_log.export(file)
    lines = file.getvalue().splitlines()
    assert len(lines) == count + 2
    return lines


def _faults(lines: list[str], keyring: Keyring | None = None) -> list[str]:
    return verify_export(io.StringIO("\n".join(lines) + "\n"), keyring).faults


def test_an_export_is_verified_without_the_database(team: Team) -> None:
    last = _some_history(team)
    lines = _exported(team)
    keyring = team.services.context.keyring
    assert _faults(lines) == _faults(lines, keyring) == []
    assert _faults(lines[:4] + lines[5:]) == ["event 4 is missing"]
    assert _faults(lines[:-1]) == ["the head is missing: the file was cut off"]
    assert _faults([*lines[:-2], lines[-1]]) == [f"event {last} is missing at the end"]
    assert _faults([*lines, lines[3]]) == ["there is something behind the head"]
    changed = {**json.loads(lines[3]), "actor_name": "Somebody"}
    assert "event 3 was changed" in _faults([*lines[:3], json.dumps(changed), *lines[4:]])[0]
    assert all("cannot be opened" in fault for fault in _faults(lines, Keyring.generate()))


def test_in_an_export_nothing_can_be_missing_changed_added_or_moved(team: Team) -> None:
    _some_history(team)
    lines = _exported(team)
    events = range(1, len(lines) - 1)
    for n in events:
        changed = json.dumps({**json.loads(lines[n]), "subject_id": "x"})
        assert _faults(lines[:n] + lines[n + 1 :]), f"line {n} deleted"
        assert _faults([*lines[:n], changed, *lines[n + 1 :]]), f"line {n} changed"
        assert _faults([*lines[:n], lines[n], *lines[n:]]), f"line {n} repeated"
    for one, other in combinations(events, 2):
        moved = list(lines)
        moved[one], moved[other] = moved[other], moved[one]
        assert _faults(moved), f"lines {one} and {other} exchanged"


@pytest.mark.parametrize(
    "text", ["", "{}\n", "nonsense\n", '{"format":"certrail-record/2"}\n[]\n', "\x00\n", "[" * 100_000]
)
def test_what_is_no_export_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        verify_export(io.StringIO(text), None)
