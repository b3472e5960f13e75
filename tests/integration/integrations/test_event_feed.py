"""Events for plugins that observe them: each once, in order, in one process, and nobody waits for the plugin."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from tests.integration.conftest import Team

from certrail.plugins.registry import Observer
from certrail.services.integrations import event_feed
from certrail.services.integrations.event_feed import EventFeed
from certrail_fakes.arrivals import Arrivals
from certrail_server.workers.observers import Observers
from certrail_workflows.activities.calls import Calls
from certrail_workflows.call_board import CallBoard

KEY = "destination-audit"


def happen(team: Team, count: int = 1) -> list[str]:
    """Have events recorded; returns their ids."""
    before = len(team.services.audit_log.events(None, limit=10_000))
    for number in range(before, before + count):
        team.services.principals.create(team.admin, kind="machine", slug=f"m{number}", name="M")
    return [event.id for event in team.services.audit_log.events(None, limit=10_000)[before:]]


def claimed(feed: EventFeed) -> list[str]:
    return [event["id"] for event in feed.claim(KEY).events]


def test_what_happened_before_it_observed_is_not_handed_out(team: Team) -> None:
    assert not claimed(team.services.event_feed)
    new = happen(team, 2)
    assert claimed(team.services.event_feed) == new
    assert not claimed(team.services.event_feed)


def test_each_event_is_handed_out_once_whoever_asks(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "BATCH", 2)
    feed = team.services.event_feed
    feed.claim(KEY)
    new = happen(team, 9)
    taken: Arrivals[str] = Arrivals()

    def take() -> None:
        while batch := claimed(feed):
            for ident in batch:
                taken.add(ident)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while rest := claimed(feed):  # a thread that came second to a batch ends early
        for ident in rest:
            taken.add(ident)
    assert sorted(taken.all()) == sorted(new)


def test_who_is_too_far_behind_misses_the_oldest(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MOST_BEHIND", 3)
    feed = team.services.event_feed
    feed.claim(KEY)
    new = happen(team, 5)
    batch = feed.claim(KEY)
    assert [event["id"] for event in batch.events] == new[-3:]
    assert batch.missed == len(new) - 3


@contextmanager
def observing(
    team: Team, observe: Callable[[Mapping[str, Any]], object], board: CallBoard | None = None
) -> Iterator[None]:
    """The plugin's thread, as a process of plugins has it."""
    observers = Observers(team.services.event_feed, team.services.plugin_faults, Calls(board))
    observers.serve([Observer(KEY, "1.0", observe)])
    try:
        yield
    finally:
        observers.stop()


async def test_what_it_raises_is_its_fault_and_it_hears_the_next_event(team: Team) -> None:
    seen: Arrivals[str] = Arrivals()

    def observe(event: Mapping[str, Any]) -> None:
        seen.add(event["id"])
        raise SystemExit(3)

    team.services.event_feed.claim(KEY)
    with observing(team, observe):
        new = happen(team, 2)
        # The fault is an event too, and the last that it hears.
        found = await seen.wait_for(3, 60)
    assert found[:2] == new
    (fault,) = team.services.plugin_faults.all().values()
    assert (fault.key, fault.verb, fault.what, fault.count) == (KEY, "certrail_event", "raised SystemExit", 1)


async def test_one_that_hangs_holds_up_nobody_and_is_on_the_board(team: Team) -> None:
    board, held, let_go = CallBoard.create(), Arrivals[str](), threading.Event()

    def observe(event: Mapping[str, Any]) -> None:
        held.add(event["id"])
        let_go.wait(60)

    team.services.event_feed.claim(KEY)
    with observing(team, observe, board):
        (first,) = happen(team)
        await held.wait_for(1, 60)
        happen(team, 3)  # returns while the observer hangs
        (entry,) = board.open_calls()
        assert (entry.call.plugin, entry.call.verb, entry.call.subject_id) == (KEY, "certrail_event", first)
        assert 29 < entry.deadline - entry.opened <= 31
        assert held.all() == [first]
        let_go.set()
        await held.wait_for(4, 60)


async def test_missed_events_are_reported(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MOST_BEHIND", 1)
    team.services.event_feed.claim(KEY)
    happen(team, 4)
    seen: Arrivals[str] = Arrivals()
    with observing(team, lambda event: seen.add(event["type"])):
        await seen.wait_for(2, 60)
    assert "plugin.faulted" in seen.all()
    (event,) = team.services.audit_log.events(None, type_="plugin.faulted", limit=9)
    assert "missed 3 events" in event.data["message"]
