"""Refusals of strangers: the first is recorded at once, the others are counted, by the minute and key."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.integration.conftest import Team

from certrail.domain.events import Event
from certrail.domain.events.access import AccessUnauthenticated
from certrail.services.core.refusal_counter import MOST_KEYS, OTHERS, RefusalCounter


@pytest.fixture
def counter(team: Team) -> RefusalCounter:
    return RefusalCounter(team.services.context)


def refuse(counter: RefusalCounter, key: str = "here", reason: str = "forged", kind: str = "kind") -> None:
    def describe(subject: str, repeats: int) -> Event:
        return AccessUnauthenticated(subject, method="GET", path="/", reason=reason, repeats=repeats)

    counter.count(kind, key, describe)


def recorded(team: Team) -> Sequence[tuple[str, str, int]]:
    rows = team.services.audit_log.events(None, type_="access.unauthenticated", limit=1000)
    return [(row.subject_id, row.data["reason"], row.data["repeats"]) for row in rows]


def test_the_first_is_recorded_at_once_and_the_others_are_counted(
    team: Team, counter: RefusalCounter
) -> None:
    for number in range(4):
        refuse(counter, reason=f"number {number}")
    assert recorded(team) == [("here", "number 0", 0)]
    team.clock.advance(timedelta(seconds=59))
    counter.record_ended()
    assert len(recorded(team)) == 1
    team.clock.advance(timedelta(seconds=1))
    counter.record_ended()
    assert recorded(team)[1:] == [("here", "number 3", 2)]
    team.clock.advance(timedelta(minutes=1))
    counter.record_ended()
    assert len(recorded(team)) == 2, "nothing followed"


def test_a_flood_that_goes_on_is_one_event_a_minute(team: Team, counter: RefusalCounter) -> None:
    for _ in range(3):
        for _ in range(10):
            refuse(counter)
        team.clock.advance(timedelta(minutes=1))
    assert [repeats for _, _, repeats in recorded(team)] == [0, 9, 9]
    counter.record_all()
    assert sum(repeats + 1 for _, _, repeats in recorded(team)) == 30, "each is counted once"


def test_refusals_at_the_same_time_are_all_counted(team: Team, counter: RefusalCounter) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: refuse(counter), range(40)))
    counter.record_all()
    assert [repeats for _, _, repeats in recorded(team)] == [0, 38]


def test_kinds_and_keys_are_counted_apart(team: Team, counter: RefusalCounter) -> None:
    for kind, key in (("a", "here"), ("a", "there"), ("b", "here"), ("b", "here")):
        refuse(counter, key, kind=kind)
    assert [key for key, _, _ in recorded(team)] == ["here", "there", "here"]


def test_keys_beyond_the_limit_share_one(team: Team, counter: RefusalCounter) -> None:
    for number in range(MOST_KEYS + 50):
        refuse(counter, f"address {number}")
    refuse(counter, "address 1")
    assert len(recorded(team)) == MOST_KEYS + 1
    assert recorded(team)[-1] == (OTHERS, "forged", 0)
    counter.record_all()
    assert recorded(team)[MOST_KEYS + 1 :] == [("address 1", "forged", 0), (OTHERS, "forged", 48)]
