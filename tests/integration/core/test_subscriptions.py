"""Handlers of events run in the transaction of the change: in the table's order, and all of it or nothing."""

import pytest
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.support.sample_events import sample_event

from certrail.domain.errors import Conflict
from certrail.domain.events import Event
from certrail.domain.events.access import TokenCreated, TokenRevoked
from certrail.persistence.tables import EventRow
from certrail.services.core.actor import SYSTEM
from certrail.services.core.subscriptions import Subscriptions
from certrail.services.core.unit_of_work import UnitOfWork


def record(team: Team, event: Event) -> None:
    with team.services.context.unit_of_work(SYSTEM) as uow:
        uow.record(event)


def events(team: Team, type_: str) -> list[EventRow]:
    with team.services.context.db.read() as session:
        return list(session.exec(select(EventRow).where(EventRow.type == type_).order_by(col(EventRow.seq))))


def test_handlers_are_called_in_the_order_of_the_table_for_their_class_and_its_bases(team: Team) -> None:
    calls: list[str] = []

    def note(word: str) -> object:
        return lambda _uow, event, row: calls.append(f"{word} {event.event_type} {row.subject_id}")

    table = {
        TokenRevoked: [note("first"), note("second")],
        TokenCreated: [note("other")],
        Event: [note("all")],
    }
    team.services.context.subscriptions = Subscriptions(table)  # type: ignore[arg-type]
    record(team, TokenRevoked("t-1", name="deploy"))
    assert calls == ["first token.revoked t-1", "second token.revoked t-1", "all token.revoked t-1"]


def test_a_failing_handler_undoes_the_change(team: Team) -> None:
    def refuse(_uow: UnitOfWork, _event: TokenRevoked, _row: EventRow) -> None:
        raise Conflict("not while it is in use")

    team.services.context.subscriptions = Subscriptions({TokenRevoked: [refuse]})
    with pytest.raises(Conflict, match="in use"):
        record(team, TokenRevoked("t-1", name="deploy"))
    assert not events(team, "token.revoked")
    team.services.context.subscriptions = Subscriptions()
    record(team, TokenRevoked("t-2", name="deploy"))
    assert [row.subject_id for row in events(team, "token.revoked")] == ["t-2"]


def test_what_a_handler_records_commits_with_the_change_and_is_handed_on(team: Team) -> None:
    seen: list[str] = []

    def follow(uow: UnitOfWork, event: TokenRevoked, _row: EventRow) -> None:
        uow.record(sample_event("session.ended", event.subject_id, None))

    table = {TokenRevoked: [follow], Event: [lambda _uow, event, _row: seen.append(event.event_type)]}
    team.services.context.subscriptions = Subscriptions(table)
    record(team, TokenRevoked("t-1", name="deploy"))
    assert seen == ["session.ended", "token.revoked"]
    assert [row.subject_id for row in events(team, "session.ended")] == ["t-1"]
