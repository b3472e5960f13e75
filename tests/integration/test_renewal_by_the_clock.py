"""What is due is renewed, exactly once, at its time and no other, whatever goes wrong on the way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, func, select
from tests.integration.conftest import Team

from certrail import checkpoints
from certrail.domain.renewal import RenewalRule
from certrail.persistence.tables import Certificate, CertificateRequest, EventRow, Lineage
from certrail.services.actor import Actor
from certrail.services.approval_policies import Step
from certrail_workflows.setup import KINDS, OUTBOX

HOUR = timedelta(hours=1)


def sweep(team: Team) -> int:
    """Everything that is due now."""
    handled = 0
    while some := team.services.sweeps["renewals"]():
        handled += some
    return handled


def issue(
    team: Team, count: int = 1, ttl: timedelta | None = None, actor: Actor | None = None
) -> list[Certificate]:
    made = []
    for n in range(count):
        content: dict[str, object] = {"sans": {"dns": [f"n{n}.example.com"]}}
        if ttl:
            content["ttl_seconds"] = int(ttl.total_seconds())
        row = team.services.requests.submit(
            actor or team.admin, team.application, profile="web", content=content, attributes={"n": str(n)}
        )
        assert team.services.issuance.advance(row.id).status == "issued"
        made.append(team.services.inventory.get(team.services.requests.get(row.id).certificate_id or ""))
    return made


def due_at(team: Team, certificate: Certificate) -> datetime:
    moment = team.services.renewals.explained(certificate.id)["renew_at"]
    assert isinstance(moment, datetime)
    return moment


def present(team: Team, lineage: str) -> Certificate:
    with team.services.kernel.db.read() as session:
        return session.get_one(Certificate, session.get_one(Lineage, lineage).current_certificate_id)


def events(team: Team, kind: str) -> list[EventRow]:
    with team.services.kernel.db.read() as session:
        rows = session.exec(select(EventRow).where(EventRow.type == kind).order_by(col(EventRow.seq)))
        return list(rows)


def set_rule(team: Team, **rule: object) -> None:
    team.services.applications.set_api(
        team.admin, team.application, "web", {"enabled": True, "auto_renew": rule}
    )


@pytest.mark.parametrize("ttl", [timedelta(hours=36), timedelta(days=47)])
def test_it_is_renewed_at_its_moment_and_not_before(team: Team, ttl: timedelta) -> None:
    (first,) = issue(team, ttl=ttl)
    moment = due_at(team, first)
    assert first.not_before + ttl / 2 <= moment <= first.not_before + ttl * 2 / 3
    team.clock.now = moment - timedelta(seconds=1)
    assert sweep(team) == 0
    team.clock.now = moment
    assert sweep(team) == 1
    second = present(team, first.lineage_id)
    assert second.id != first.id
    assert second.not_after - second.not_before == ttl
    assert (second.attributes, second.status) == ({"n": "0"}, "active")
    assert sweep(team) == 0
    assert due_at(team, second) > team.clock.now


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
    with team.services.kernel.db.read() as session:
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

    monkeypatch.setattr("certrail.services.renewal_sweep.checkpoint", die)
    for _ in range(2):
        with pytest.raises(SystemExit):
            team.services.sweeps["renewals"](3)  # type: ignore[call-arg]
    sweep(team)
    with team.services.kernel.db.read() as session:
        per_lineage = Counter(session.exec(select(Certificate.lineage_id)).all())
    assert set(per_lineage.values()) == {2}
    assert len(events(team, "certificate.renewed")) == 9
    assert checkpoints.checkpoint is not die


def test_an_authority_that_is_down_for_days_is_told_of_once_and_renewals_resume(team: Team) -> None:
    rows = issue(team, 3)
    team.services.authorities.update(team.admin, "root", enabled=False)
    team.clock.now = max(due_at(team, row) for row in rows)
    began = team.clock.now
    while team.clock.now < began + timedelta(days=3):
        sweep(team)
        team.clock.advance(timedelta(minutes=10))
    failed = events(team, "certificate.renewal_failed")
    assert len(failed) == 3, "nobody is told twice"
    assert all(event.created_at - began <= HOUR for event in failed), "and at once"
    assert "disabled" in failed[0].data["reason"]
    explained = team.services.renewals.explained(rows[0].id)
    assert explained["failures"] > 60
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.clock.advance(HOUR)
    sweep(team)
    assert {present(team, row.lineage_id).status for row in rows} == {"active"}
    assert len(events(team, "certificate.renewed")) == 3
    assert len(events(team, "certificate.renewal_failed")) == 3


def test_a_certificate_that_ends_unrenewed_is_given_up_with_a_last_word(team: Team) -> None:
    (row,) = issue(team, ttl=timedelta(hours=6))
    team.services.authorities.update(team.admin, "root", enabled=False)
    while team.clock.now < row.not_after + HOUR:
        sweep(team)
        team.clock.advance(timedelta(minutes=5))
    first, last = events(team, "certificate.renewal_failed")
    assert first.data["next_try_at"] is not None
    assert last.data["next_try_at"] is None
    assert due_none(team, row)


def test_one_that_ends_while_nothing_runs_is_renewed_afterwards(team: Team) -> None:
    (row,) = issue(team, ttl=timedelta(hours=6))
    team.clock.now = row.not_after + 7 * 24 * HOUR
    sweep(team)
    assert present(team, row.lineage_id).id != row.id
    assert not events(team, "certificate.renewal_failed")


def test_one_that_fails_and_ends_while_nothing_runs_has_its_last_word_too(team: Team) -> None:
    (row,) = issue(team, ttl=timedelta(hours=6))
    team.services.authorities.update(team.admin, "root", enabled=False)
    team.clock.now = due_at(team, row)
    sweep(team)
    team.clock.now = row.not_after + HOUR
    sweep(team)
    first, last = events(team, "certificate.renewal_failed")
    assert first.data["next_try_at"] is not None
    assert last.data["next_try_at"] is None
    assert "ended" in last.data["reason"]
    assert due_none(team, row)


def due_none(team: Team, certificate: Certificate) -> bool:
    return team.services.renewals.explained(certificate.id)["renew_at"] is None


def test_one_that_is_denied_does_not_hold_up_the_others(team: Team) -> None:
    good, bad = issue(team, 2)
    team.services.product.update_policy(team.admin, "tls", {"sans": {"dns": {"allowed": ["n0.example.com"]}}})
    team.clock.now = max(due_at(team, row) for row in (good, bad))
    sweep(team)
    assert present(team, good.lineage_id).id != good.id
    assert present(team, bad.lineage_id).id == bad.id
    (failed,) = events(team, "certificate.renewal_failed")
    assert failed.data["lineage_id"] == bad.lineage_id


def test_a_guarded_profile_asks_first(team: Team) -> None:
    boss = team.person("boss")
    (first,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, first)
    sweep(team)
    request = team.services.renewals.explained(first.id)["request"]
    assert isinstance(request, str)
    approval = team.services.approvals.of_request(request)
    assert approval
    assert sweep(team) == 0
    team.services.approvals.vote(boss, approval.id, "approve")
    team.services.issuance.advance(request)
    assert present(team, first.lineage_id).id != first.id


def test_a_rejected_renewal_is_told_and_asked_again_later(team: Team) -> None:
    boss = team.person("boss")
    (first,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, first)
    sweep(team)
    request = team.services.renewals.explained(first.id)["request"]
    approval = team.services.approvals.of_request(str(request))
    assert approval
    team.services.approvals.vote(boss, approval.id, "reject", "not now")
    (failed,) = events(team, "certificate.renewal_failed")
    assert failed.data["reason"] == "rejected: not now"
    team.clock.advance(HOUR)
    sweep(team)
    assert team.services.renewals.explained(first.id)["request"] not in (None, request)


class TestStandingApproval:
    """One yes for a series of renewals."""

    def begin(self, team: Team, **standing: int) -> tuple[Actor, Certificate]:
        boss = team.person("boss")
        team.guard(Step("Owners", ("boss",)), standing=standing)
        row, approval = team.ask(team.admin)
        assert approval
        team.services.approvals.vote(boss, approval, "approve")
        team.services.issuance.advance(row)
        return boss, team.services.inventory.get(team.services.requests.get(row).certificate_id or "")

    def renewed(self, team: Team, certificate: Certificate) -> Certificate:
        team.clock.now = due_at(team, certificate)
        sweep(team)
        return present(team, certificate.lineage_id)

    def test_it_stands_for_so_many_renewals(self, team: Team) -> None:
        _, row = self.begin(team, renewals=2, days=3650)
        for _ in range(2):
            row, before = self.renewed(team, row), row
            assert row.id != before.id
        assert self.renewed(team, row).id == row.id
        assert team.services.renewals.explained(row.id)["request"]
        assert len(events(team, "approval.standing")) == 2

    def test_it_stands_for_so_long(self, team: Team) -> None:
        _, row = self.begin(team, renewals=100, days=40)
        row, before = self.renewed(team, row), row
        assert row.id != before.id
        assert self.renewed(team, row).id == row.id

    def test_any_deviation_asks_again(self, team: Team) -> None:
        _, row = self.begin(team, renewals=100, days=3650)
        team.services.product.update_policy(
            team.admin, "tls", {"sans": {"dns": {"allowed": ["*.example.com", "*.example.org"]}}}
        )
        assert self.renewed(team, row).id == row.id
        assert not events(team, "approval.standing")

    def test_by_hand_it_counts_too_and_other_names_do_not(self, team: Team) -> None:
        _, row = self.begin(team, renewals=1, days=3650)
        request = team.services.renewals.renew(team.admin, row.id)
        assert request.status == "approved"
        assert request.standing_approval_id


class TestRules:
    """What an Application says about renewal."""

    def test_a_rule_moves_what_is_there_already(self, team: Team) -> None:
        (row,) = issue(team)
        before = due_at(team, row)
        set_rule(team, before_seconds=10 * 86400)
        assert due_at(team, row) > before
        explained = team.services.renewals.explained(row.id)
        assert any("10.0 days before the end" in text for text in explained["inputs"])

    def test_switched_off_and_on(self, team: Team) -> None:
        row, other = issue(team, 2)
        set_rule(team, enabled=False)
        assert team.services.renewals.explained(row.id)["off"] == "it is switched off for this profile here"
        assert team.services.renewals.decide(team.admin, row.id, True)["renew_at"] is not None
        set_rule(team, enabled=True)
        assert due_at(team, other) is not None
        assert team.services.renewals.decide(team.admin, row.id, False)["renew_at"] is None
        team.clock.advance(timedelta(days=46))
        sweep(team)
        assert present(team, row.lineage_id).id == row.id
        assert present(team, other.lineage_id).id != other.id

    def test_nothing_is_renewed_in_a_freeze(self, team: Team) -> None:
        (row,) = issue(team)
        ends = row.not_before + timedelta(days=35)
        freeze = {"begins": row.not_before.isoformat(), "ends": ends.isoformat(), "reason": "year end"}
        set_rule(team, freezes=[freeze])
        assert ends <= due_at(team, row) < row.not_after
        assert RenewalRule.model_validate({"freezes": [freeze]}).open_at(due_at(team, row))

    def test_a_key_that_is_not_here_and_an_import_without_a_profile_are_not_renewed(self, team: Team) -> None:
        (row,) = issue(team)
        with team.services.kernel.db.write() as session:
            stored = session.get_one(Certificate, row.id)
            stored.key_sealed = None
            session.add(stored)
        set_rule(team)
        assert "not held here" in team.services.renewals.explained(row.id)["off"]


def test_an_authority_is_never_asked_faster_than_it_says_and_nothing_is_starved(team: Team) -> None:
    """A week of being down is caught up evenly."""
    rows = issue(team, 20)
    team.services.authorities.update(team.admin, "root", renewals_per_minute=4)
    team.clock.now = max(due_at(team, row) for row in rows) + timedelta(days=7)
    began, per_minute = team.clock.now, Counter[int]()
    for _ in range(40):
        before = _renewed_count(team)
        sweep(team)
        per_minute[int((team.clock.now - began) / timedelta(minutes=1))] += _renewed_count(team) - before
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
        before = _renewed_count(team)
        sweep(team)
        renewed += [team.clock.now] * (_renewed_count(team) - before)
        team.clock.advance(timedelta(seconds=10))
    fifth = zip(renewed, renewed[4:], strict=False)
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in fifth)


def _renewed_count(team: Team) -> int:
    with team.services.kernel.db.read() as session:
        query = select(func.count()).where(
            col(CertificateRequest.renews_id).is_not(None), CertificateRequest.status == "issued"
        )
        return session.exec(query).one()


def test_every_sweep_has_its_schedule(team: Team) -> None:
    assert sorted(KINDS) == sorted((OUTBOX, *team.services.sweeps))
