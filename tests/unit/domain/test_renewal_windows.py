"""Renewals happen in windows and outside of freezes."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from tests.unit.domain.test_renewal import DAY, NIGHTS, START, life

from certrail.domain.renewal import (
    PERSISTENCE,
    Freeze,
    RenewalRule,
    next_open,
    plan_renewal,
)
from certrail.domain.windows import Window


def test_a_window_does_not_begin_with_a_herd() -> None:
    rule = RenewalRule(windows=(Window(begins=time(2), ends=time(4)),))
    instants = [plan_renewal(rule, life(seed=str(n)), now=START + 40 * DAY).at for n in range(400)]
    minutes = Counter(at.replace(second=0) for at in instants if at)
    assert len(minutes) > 100, "two hours have 120 minutes"
    assert max(minutes.values()) < 12


def test_a_freeze_until_the_end_is_never_broken_and_said_to_be_one() -> None:
    frozen = Freeze(begins=START, ends=START + 50 * DAY)
    plan = plan_renewal(RenewalRule(freezes=(frozen,)), life())
    assert plan.late
    assert plan.at
    assert plan.at >= frozen.ends, "it waits for the first open time after the end"
    assert "no open time before the end" in plan.inputs[-1]
    ever = Freeze(begins=START, ends=START + 47 * DAY + PERSISTENCE)
    assert plan_renewal(RenewalRule(freezes=(ever,)), life()).at is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_windows_are_found_where_clocks_are_changed(zone: str) -> None:
    window = Window(begins=time(1, 30), ends=time(2, 40), zone=zone)
    rule = RenewalRule(windows=(window,))
    for month, day in ((3, 7), (3, 28), (4, 4), (10, 24)):
        at = datetime(2026, month, day, tzinfo=UTC)
        for _ in range(200):
            found = rule.opens(at, at + 9 * DAY)
            assert found
            assert window.holds(found)
            assert found <= rule.closes(found, found + DAY) <= found + timedelta(hours=3)
            at += timedelta(minutes=14)


@pytest.mark.parametrize(
    ("instant", "inside"),
    [
        ("2026-03-07T22:00", True),
        ("2026-03-08T03:59", True),
        ("2026-03-08T04:00", False),
        ("2026-03-09T03:59", True),
        ("2026-03-09T22:00", False),
        ("2026-03-07T21:59", False),
    ],
)
def test_a_window_that_passes_midnight_ends_on_the_next_day(instant: str, inside: bool) -> None:
    assert NIGHTS.holds(datetime.fromisoformat(instant).replace(tzinfo=UTC)) is inside


def test_a_window_is_in_its_own_time_zone() -> None:
    office = Window(begins=time(9), ends=time(10), zone="Europe/Berlin")
    assert office.holds(datetime(2026, 1, 5, 8, 30, tzinfo=UTC))
    assert office.holds(datetime(2026, 7, 6, 7, 30, tzinfo=UTC))
    assert not office.holds(datetime(2026, 7, 6, 8, 30, tzinfo=UTC))


def test_nothing_is_placed_right_before_an_open_time_ends() -> None:
    """What is looked for every few seconds would miss it there, and be placed there again the next time."""
    rule = RenewalRule(windows=(Window(begins=time(2), ends=time(2, 30)),))
    for seed in range(200):
        at = next_open(rule, START, life(seed=str(seed)))
        assert at is not None
        assert time(2) <= at.time() <= time(2, 25)


def test_a_short_open_time_is_used_in_its_first_half() -> None:
    rule = RenewalRule(windows=(Window(begins=time(2), ends=time(2, 4)),))
    instants = [next_open(rule, START, life(seed=str(seed))) for seed in range(200)]
    assert all(at is not None and time(2) <= at.time() <= time(2, 2) for at in instants)
