"""An authority is asked no faster than it says, whatever has piled up or died."""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from tests.integration.conftest import Team
from tests.integration.renewal_world import HOUR, due_at, issue, renewed_count, sweep

pytestmark = pytest.mark.any_database


def test_a_permit_whose_process_died_is_not_used_twice(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed and rolled back was asked of the authority, too."""
    rows = issue(team, 12)
    team.services.authorities.update(team.admin, "root", renewals_per_minute=6)
    team.clock.now = max(due_at(team, row) for row in rows)
    signed: list[datetime] = []
    monkeypatch.setattr(
        "certrail.services.issuance.issuance.checkpoint",
        lambda name: signed.append(team.clock.now) if name == "issuance.signed" else None,
    )
    deaths, seen = iter([False, True] * 4), 0

    def die(name: str) -> None:
        nonlocal seen
        if name == "renewals.renewed" and len(signed) > seen:  # of transactions that signed something
            seen = len(signed)
            if next(deaths, False):
                raise SystemExit

    for module in ("renewal_sweep", "renewal_waits"):
        monkeypatch.setattr(f"certrail.services.lifecycle.{module}.checkpoint", die)
    while renewed_count(team) < 12:
        with suppress(SystemExit):
            sweep(team)
        team.clock.advance(timedelta(seconds=5))
    assert len(signed) > 12, "some were signed and lost"
    seventh = zip(signed, signed[6:], strict=False)
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in seventh)


def test_an_authority_is_never_asked_faster_than_it_says_and_nothing_is_starved(team: Team) -> None:
    """A week of being down is caught up evenly."""
    rows = issue(team, 20)
    team.services.authorities.update(team.admin, "root", renewals_per_minute=4)
    team.clock.now = max(due_at(team, row) for row in rows) + timedelta(days=7)
    began, per_minute = team.clock.now, Counter[int]()
    for _ in range(40):
        before = renewed_count(team)
        sweep(team)
        per_minute[int((team.clock.now - began) / timedelta(minutes=1))] += renewed_count(team) - before
        team.clock.advance(timedelta(seconds=15))
    assert sum(per_minute.values()) == 20
    assert max(per_minute.values()) <= 4
    assert team.clock.now - began <= timedelta(minutes=10)


def test_what_waited_while_nothing_ran_does_not_come_all_at_once(team: Team) -> None:
    """Everybody has a place in the row, then the places pass by unused for an hour."""
    rows = issue(team, 20)
    team.services.authorities.update(team.admin, "root", renewals_per_minute=4)
    team.clock.now = max(due_at(team, row) for row in rows)
    sweep(team)
    team.clock.advance(HOUR)
    renewed: list[datetime] = []
    while len(renewed) < 19:
        before = renewed_count(team)
        sweep(team)
        renewed += [team.clock.now] * (renewed_count(team) - before)
        team.clock.advance(timedelta(seconds=10))
    fifth = zip(renewed, renewed[4:], strict=False)
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in fifth)
