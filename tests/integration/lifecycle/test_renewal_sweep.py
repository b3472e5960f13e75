"""What is due is renewed, exactly once, at its time and no other, whatever goes wrong on the way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.renewal_world import due_at, events, issue, present, renewed_count, set_rule, sweep

from certrail import checkpoints
from certrail.persistence.tables import Certificate
from certrail_workflows.messages import OUTBOX
from certrail_workflows.setup import KINDS


@pytest.mark.parametrize("ttl", [timedelta(hours=36), timedelta(days=47)])
def test_it_is_renewed_at_its_instant_and_not_before(team: Team, ttl: timedelta) -> None:
    (first,) = issue(team, ttl=ttl)
    instant = due_at(team, first)
    assert first.not_before + ttl / 6 <= instant <= first.not_before + ttl * 2 / 3
    team.clock.now = instant - timedelta(seconds=1)
    assert sweep(team) == 0
    team.clock.now = instant
    assert sweep(team) == 1
    second = present(team, first.lineage_id)
    assert second.id != first.id
    assert second.not_after - second.not_before == ttl
    assert (second.attributes, second.status) == ({"n": "0"}, "active")
    assert sweep(team) == 0
    after = (due_at(team, second) - second.not_before) / ttl
    assert 1 / 2 - 0.001 <= after <= 2 / 3, (
        "it came at a moment of its own, so its successor need not be early"
    )


def test_it_is_asked_for_in_the_name_of_whoever_asked_first(team: Team) -> None:
    ada = team.person("ada")
    (first,) = issue(team, actor=ada)
    team.clock.now = due_at(team, first)
    sweep(team)
    second = present(team, first.lineage_id)
    assert team.services.requests.get(second.request_id or "").requester_id == ada.principal_id
    assert events(team, "certificate.renewed")[0].actor_name == "certrail"


def test_many_due_at_once_are_each_renewed_once_by_sweeps_that_run_at_once(team: Team) -> None:
    rows = issue(team, 60)
    team.clock.now = max(due_at(team, row) for row in rows)
    start = threading.Barrier(3)

    def one(_: int) -> int:
        start.wait()
        handled = 0
        while some := team.services.sweeps["renewals"](7):  # type: ignore[call-arg]
            handled += some
        return handled

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(one, range(3))) >= 60
    assert sweep(team) == 0
    with team.services.context.db.read() as session:
        per_lineage = Counter(session.exec(select(Certificate.lineage_id)).all())
    assert set(per_lineage.values()) == {2}
    assert len(per_lineage) == 60


@pytest.mark.parametrize("place", ["renewals.renewed", "renewals.committed"])
def test_a_sweep_that_dies_loses_nothing_and_does_nothing_twice(
    team: Team, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = issue(team, 9)
    team.clock.now = max(due_at(team, row) for row in rows)
    deaths = iter([True, True])

    def die(name: str) -> None:
        if name == place and next(deaths, False):
            raise SystemExit

    monkeypatch.setattr("certrail.services.lifecycle.renewal_sweep.checkpoint", die)
    for _ in range(2):
        with pytest.raises(SystemExit):
            team.services.sweeps["renewals"](3)  # type: ignore[call-arg]
    sweep(team)
    with team.services.context.db.read() as session:
        per_lineage = Counter(session.exec(select(Certificate.lineage_id)).all())
    assert set(per_lineage.values()) == {2}
    assert len(events(team, "certificate.renewed")) == 9
    assert checkpoints.checkpoint is not die


class TestManyAtOnce:
    """A rule that is changed for more certificates than one transaction should touch."""

    def many(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> list[Certificate]:
        monkeypatch.setattr("certrail.services.inventory.renewal_schedule.AT_ONCE", 3)
        return issue(team, 8)

    def test_the_sweep_chooses_and_renews_none_because_of_it(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = self.many(team, monkeypatch)
        set_rule(team, before="10d")
        assert {team.services.renewals.explained(row.id)["needs_replan"] for row in rows} == {True}
        assert sweep(team) == 8
        assert [present(team, row.lineage_id).id for row in rows] == [row.id for row in rows]
        for row in rows:
            assert due_at(team, row) > team.clock.now + timedelta(days=9)
            assert "10.0 days before the end" in " ".join(team.services.renewals.explained(row.id)["inputs"])

    def test_failures_are_not_forgotten_and_not_reported_of_again(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = self.many(team, monkeypatch)
        team.services.authorities.update(team.admin, "root", enabled=False)
        team.clock.now = max(due_at(team, row) for row in rows)
        sweep(team)
        set_rule(team, fraction=0.5)
        sweep(team)
        assert len(events(team, "certificate.renewal_failed")) == 8
        assert {team.services.renewals.explained(row.id)["failures"] for row in rows} == {2}

    def test_a_place_in_the_row_is_kept(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = self.many(team, monkeypatch)
        team.services.authorities.update(team.admin, "root", renewals_per_minute=1)
        team.clock.now = max(due_at(team, row) for row in rows)
        sweep(team)
        set_rule(team, fraction=0.5)
        sweep(team)
        assert renewed_count(team) == 1


def test_a_chunk_ends_when_its_transaction_has_taken_long_enough(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = issue(team, 5)
    team.clock.now = max(due_at(team, row) for row in rows)
    monkeypatch.setattr("certrail.services.lifecycle.renewal_sweep.LONGEST", 0.0)
    assert team.services.sweeps["renewals"]() == 1
    assert sweep(team) == 4
    assert renewed_count(team) == 5


def test_every_sweep_has_its_schedule(team: Team) -> None:
    assert sorted(KINDS) == sorted((OUTBOX, *team.services.sweeps))
