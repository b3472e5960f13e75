"""What is due is renewed, exactly once, at its time and no other, whatever goes wrong on the way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlmodel import col, func, select
from tests.integration.conftest import Team

from certrail import checkpoints
from certrail.crypto.keyring import Keyring
from certrail.domain.content import Subject
from certrail.domain.renewal import Advice, Moment, RenewalRule
from certrail.persistence.tables import (
    CaKey,
    Certificate,
    CertificateAuthority,
    CertificateRequest,
    EventRow,
    Lineage,
    NotificationRow,
    OutboxRow,
)
from certrail.services.actor import Actor
from certrail.services.approval_policies import Step
from certrail_server.api.shapes import AutoRenewalIn
from certrail_workflows.setup import KINDS, OUTBOX

HOUR = timedelta(hours=1)


def sweep(team: Team) -> int:
    """Everything that is due now."""
    handled = 0
    while some := team.services.sweeps["renewals"]():
        handled += some
    return handled


def issue(
    team: Team,
    count: int = 1,
    ttl: timedelta | None = None,
    actor: Actor | None = None,
    profile: str = "web",
) -> list[Certificate]:
    made = []
    for n in range(count):
        content: dict[str, object] = {"sans": {"dns": [f"n{n}.example.com"]}}
        if ttl:
            content["ttl_seconds"] = int(ttl.total_seconds())
        row = team.services.requests.submit(
            actor or team.admin, team.application, profile=profile, content=content, attributes={"n": str(n)}
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
    assert first.not_before + ttl / 6 <= moment <= first.not_before + ttl * 2 / 3
    team.clock.now = moment - timedelta(seconds=1)
    assert sweep(team) == 0
    team.clock.now = moment
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


def test_a_certificate_that_ends_unrenewed_is_tried_for_a_month_and_given_up_with_a_last_word(
    team: Team,
) -> None:
    (row,) = issue(team, ttl=timedelta(hours=6))
    team.services.authorities.update(team.admin, "root", enabled=False)
    tried = []
    while (moment := team.services.renewals.explained(row.id)["renew_at"]) is not None:
        team.clock.now = moment
        sweep(team)
        tried.append(moment)
    assert row.not_after - timedelta(minutes=1) in tried, "once more right before the end"
    assert row.not_after + timedelta(days=29) < tried[-1] <= row.not_after + timedelta(days=30)
    first, last = events(team, "certificate.renewal_failed")
    assert first.data["next_try_at"] is not None
    assert last.data["next_try_at"] is None
    assert "no try succeeded" in team.services.renewals.explained(row.id)["off"]


def test_one_that_ends_while_nothing_runs_is_renewed_afterwards(team: Team) -> None:
    (row,) = issue(team, ttl=timedelta(hours=6))
    team.clock.now = row.not_after + 7 * 24 * HOUR
    sweep(team)
    assert present(team, row.lineage_id).id != row.id
    assert not events(team, "certificate.renewal_failed")


def test_one_that_fails_and_ends_while_nothing_runs_is_renewed_when_that_is_possible_again(
    team: Team,
) -> None:
    (row,) = issue(team, ttl=timedelta(hours=6))
    team.services.authorities.update(team.admin, "root", enabled=False)
    team.clock.now = due_at(team, row)
    sweep(team)
    team.clock.now = row.not_after + HOUR
    sweep(team)
    assert len(events(team, "certificate.renewal_failed")) == 1, "nobody is told twice"
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.clock.advance(HOUR)
    sweep(team)
    assert present(team, row.lineage_id).id != row.id


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
        began = team.clock.now
        _, row = self.begin(team, renewals=100, days=40)
        row, before = self.renewed(team, row), row
        assert row.id != before.id
        team.clock.now = max(due_at(team, row), began + timedelta(days=41))
        sweep(team)
        assert present(team, row.lineage_id).id == row.id

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


def broken_authority(team: Team) -> None:
    """A profile `lost` of an authority whose key cannot be opened any more."""
    services = team.services
    services.authorities.create_root(
        team.admin, slug="lost", name="Lost", subject=Subject(common_name="Lost Root")
    )
    services.product.create_profile(
        team.admin, slug="lost", name="Lost", ca="lost", policy="tls", ttl=timedelta(days=47)
    )
    services.applications.attach_profile(team.admin, team.application, "lost")


def lose_key(team: Team, slug: str) -> str:
    """Returns what was there, to be put back."""
    with team.services.kernel.db.write() as session:
        authority = session.exec(select(CertificateAuthority).where(CertificateAuthority.slug == slug)).one()
        key = session.exec(select(CaKey).where(CaKey.ca_id == authority.id)).one()
        before, key.key_sealed = key.key_sealed, Keyring.generate().seal(b"another", "ca-key")
        session.add(key)
        return before


def put_back_key(team: Team, slug: str, sealed: str) -> None:
    with team.services.kernel.db.write() as session:
        authority = session.exec(select(CertificateAuthority).where(CertificateAuthority.slug == slug)).one()
        key = session.exec(select(CaKey).where(CaKey.ca_id == authority.id)).one()
        key.key_sealed = sealed
        session.add(key)


def test_a_key_that_cannot_be_opened_does_not_hold_up_the_others(team: Team) -> None:
    broken_authority(team)
    good = issue(team, 3)
    bad = issue(team, 2, profile="lost")
    lose_key(team, "lost")
    team.clock.now = max(due_at(team, row) for row in (*good, *bad))
    sweep(team)
    assert all(present(team, row.lineage_id).id != row.id for row in good)
    failed = events(team, "certificate.renewal_failed")
    assert {event.data["lineage_id"] for event in failed} == {row.lineage_id for row in bad}
    assert "keyring" in failed[0].data["reason"]
    assert due_at(team, bad[0]) == team.clock.now + timedelta(minutes=5)


def test_a_lineage_that_cannot_even_be_told_of_does_not_hold_up_the_others(team: Team) -> None:
    good, bad = issue(team, 2)
    team.clock.now = max(due_at(team, row) for row in (good, bad))
    with team.services.kernel.db.write() as session:
        lineage = session.get_one(Lineage, bad.lineage_id)
        lineage.current_certificate_id = "gone"
        session.add(lineage)
    sweep(team)
    assert present(team, good.lineage_id).id != good.id
    with team.services.kernel.db.read() as session:
        assert session.get_one(Lineage, bad.lineage_id).renew_at == team.clock.now + HOUR


def test_an_outage_of_three_days_is_outlived_by_certificates_of_36_hours(team: Team) -> None:
    """Its key is away, so it cannot sign; who listens is told once of each certificate."""
    mail = {"host": "mail.example.com", "port": 587}
    team.services.connections.create(team.admin, slug="smtp", name="SMTP", type_="smtp", config=mail)
    config = {"sender": "certrail@example.com", "recipients": ["ops@example.com"]}
    here = team.application
    team.services.channels.create(
        team.admin, here, slug="mail", name="Mail", notifier="email", connection="smtp", config=config
    )
    kinds = ["certificate.renewal_failed"]
    team.services.alerts.create_alert(
        team.admin, here, slug="failed", name="Failed", events=kinds, channels=["mail"]
    )
    rows = [*issue(team, 2, timedelta(hours=36)), *issue(team, 2, timedelta(days=47))]
    moments = [due_at(team, row) for row in rows]
    team.clock.now = min(moments)
    key = lose_key(team, "root")
    for moment in moments[2:]:
        assert moment > team.clock.now
    began = team.clock.now
    while team.clock.now < began + timedelta(days=3):
        sweep(team)
        team.clock.advance(timedelta(minutes=30))
    short = {row.lineage_id for row in rows[:2]}
    assert all(row.not_after < team.clock.now for row in rows[:2]), "they have ended meanwhile"
    told = events(team, "certificate.renewal_failed")
    due = {row.lineage_id for row, moment in zip(rows, moments, strict=True) if moment < team.clock.now}
    assert Counter(event.data["lineage_id"] for event in told) == Counter(due)
    assert short <= due
    with team.services.kernel.db.read() as session:
        sent = session.exec(select(NotificationRow)).all()
        wishes = session.exec(select(OutboxRow).where(OutboxRow.flow == "notification")).all()
    assert len(sent) == len(wishes) == len(due), "one message for each, and no other"
    put_back_key(team, "root", key)
    team.clock.advance(HOUR)
    sweep(team)
    assert all(present(team, lineage).not_after > team.clock.now for lineage in due)
    assert len(events(team, "certificate.renewal_failed")) == len(due)


class TestOpenTimes:
    """Renewals happen inside windows and outside freezes, whatever was missed and whatever failed."""

    NIGHT = ({"begins": "02:00", "ends": "04:00"},)

    def test_a_window_that_was_slept_through_is_not_made_up_for_outside_of_it(self, team: Team) -> None:
        rows = issue(team, 5)
        set_rule(team, windows=self.NIGHT)
        noon = max(due_at(team, row) for row in rows).replace(hour=12, minute=4)
        team.clock.now = noon
        sweep(team)
        assert [present(team, row.lineage_id).id for row in rows] == [row.id for row in rows]
        moments = [due_at(team, row) for row in rows]
        assert all(noon < moment < noon + timedelta(hours=16) for moment in moments)
        assert all(2 <= moment.hour < 4 for moment in moments)
        assert len(set(moments)) == len(rows), "the window does not begin with a herd"
        team.clock.now = max(moments)
        sweep(team)
        assert all(present(team, row.lineage_id).id != row.id for row in rows)

    def test_a_try_after_a_failure_waits_for_an_open_time_too(self, team: Team) -> None:
        (row,) = issue(team)
        begins = due_at(team, row) + timedelta(minutes=2)
        freeze = {"begins": begins.isoformat(), "ends": (begins + timedelta(days=2)).isoformat()}
        set_rule(team, freezes=[freeze])
        team.services.authorities.update(team.admin, "root", enabled=False)
        team.clock.now = due_at(team, row)
        sweep(team)
        team.services.authorities.update(team.admin, "root", enabled=True)
        assert due_at(team, row) >= begins + timedelta(days=2)
        team.clock.now = begins + HOUR
        sweep(team)
        assert present(team, row.lineage_id).id == row.id
        team.clock.now = due_at(team, row)
        sweep(team)
        assert present(team, row.lineage_id).id != row.id

    def test_a_freeze_that_begins_after_the_failure_holds_its_next_try(self, team: Team) -> None:
        (row,) = issue(team)
        team.services.authorities.update(team.admin, "root", enabled=False)
        team.clock.now = due_at(team, row)
        sweep(team)
        ends = team.clock.now + timedelta(days=1)
        set_rule(team, freezes=[{"begins": team.clock.now.isoformat(), "ends": ends.isoformat()}])
        team.services.authorities.update(team.admin, "root", enabled=True)
        team.clock.advance(HOUR)
        sweep(team)
        assert present(team, row.lineage_id).id == row.id
        assert due_at(team, row) >= ends

    def test_a_freeze_until_the_end_is_told_of_once_and_never_broken(self, team: Team) -> None:
        (row,) = issue(team, ttl=timedelta(days=6))
        ends = row.not_after + timedelta(days=1)
        freezes = [{"begins": row.not_before.isoformat(), "ends": ends.isoformat()}]
        set_rule(team, freezes=freezes)
        set_rule(team, freezes=freezes)
        (told,) = events(team, "certificate.renewal_failed")
        assert told.data["reason"] == "there is no open window before the end"
        assert "no open time before the end" in team.services.renewals.explained(row.id)["inputs"][-1]
        while team.clock.now < ends:
            sweep(team)
            assert present(team, row.lineage_id).id == row.id
            team.clock.advance(timedelta(hours=6))
        team.clock.now = due_at(team, row)
        sweep(team)
        assert present(team, row.lineage_id).id != row.id, "it is wanted all the same"
        assert len(events(team, "certificate.renewal_failed")) == 1

    def test_one_that_is_issued_into_such_a_freeze_is_told_of_after_it_was_issued(self, team: Team) -> None:
        ends = team.clock.now + timedelta(days=10)
        set_rule(team, freezes=[{"begins": team.clock.now.isoformat(), "ends": ends.isoformat()}])
        (row,) = issue(team, ttl=timedelta(days=2))
        sweep(team)
        (told,) = events(team, "certificate.renewal_failed")
        (issued,) = events(team, "certificate.issued")
        assert issued.seq < told.seq
        assert present(team, row.lineage_id).id == row.id

    def test_places_in_the_row_of_an_authority_are_taken_in_open_times_only(self, team: Team) -> None:
        rows = issue(team, 12)
        team.services.authorities.update(team.admin, "root", renewals_per_minute=1)
        set_rule(team, windows=({"begins": "02:00", "ends": "02:04"},))
        team.clock.now = max(due_at(team, row) for row in rows).replace(hour=1, minute=59, second=0)
        nights = Counter[datetime]()
        for _ in range(8):
            for _ in range(36):
                before = _renewed_count(team)
                sweep(team)
                if done := _renewed_count(team) - before:
                    assert (team.clock.now.hour, team.clock.now.minute // 4) == (2, 0)
                    nights[team.clock.now.replace(hour=0, minute=0, second=0)] += done
                team.clock.advance(timedelta(seconds=10))
            team.clock.now = (team.clock.now + timedelta(days=1)).replace(hour=1, minute=59, second=0)
        assert sum(nights.values()) == 12, "what has no place tonight has one tomorrow"
        assert max(nights.values()) <= 4


class TestProfilesComeAndGo:
    """A profile is detached and attached again, in an Application or by its own enrollment."""

    def test_its_certificates_are_renewed_when_it_is_back(self, team: Team) -> None:
        (row,) = issue(team)
        before = due_at(team, row)
        team.services.applications.detach_profile(team.admin, team.application, "web")
        assert due_none(team, row)
        assert team.services.renewals.explained(row.id)["off"] == "the profile is not attached any more"
        team.clock.now = before
        assert sweep(team) == 0
        team.services.applications.attach_profile(team.admin, team.application, "web")
        assert due_at(team, row) <= team.clock.now
        sweep(team)
        assert present(team, row.lineage_id).id != row.id


class TestAMomentOfItsOwn:
    """Said for one certificate, against the moment of its profile's rule."""

    def test_it_counts_for_the_certificate_and_its_successors(self, team: Team) -> None:
        row, other = issue(team, 2)
        before = due_at(team, other)
        own = Moment(before_seconds=8 * 86400)
        explained = team.services.renewals.decide(team.admin, row.id, None, own)
        assert explained["moment"] == {"before_seconds": 8 * 86400}
        assert any(
            "8.0 days before the end" in text and "this certificate" in text for text in explained["inputs"]
        )
        assert due_at(team, other) == before
        team.clock.now = due_at(team, row)
        sweep(team)
        after = present(team, row.lineage_id)
        assert after.id != row.id
        assert due_at(team, after) <= after.not_after - timedelta(days=8)
        assert any("8.0 days" in text for text in team.services.renewals.explained(after.id)["inputs"])
        assert team.services.renewals.decide(team.admin, after.id, None)["moment"] is None

    def test_windows_and_freezes_are_those_of_the_rule(self, team: Team) -> None:
        (row,) = issue(team)
        set_rule(team, windows=TestOpenTimes.NIGHT)
        team.services.renewals.decide(team.admin, row.id, None, Moment(fraction=0.4))
        assert 2 <= due_at(team, row).hour < 4

    def test_one_that_says_nothing_clear_is_refused(self) -> None:
        for wrong in ({"fraction": 2}, {"fraction": 0.5, "before_seconds": 60}, {"windows": []}):
            with pytest.raises(ValidationError):
                AutoRenewalIn.model_validate({"auto_renew": None, "moment": wrong})


class TestAdvice:
    """An authority wants what it has issued replaced, as renewal information says it (RFC 9773)."""

    def advise(self, team: Team, begins: timedelta, ends: timedelta) -> Advice:
        team.clock.advance(timedelta(seconds=1))  # what was issued before this moment is concerned
        now = team.clock.now
        advice = Advice(begins=now + begins, ends=now + ends, explanation="https://ca.example.com/incident")
        team.services.authorities.advise(team.admin, "root", advice)
        return advice

    def test_each_is_renewed_within_the_window_and_says_why(self, team: Team) -> None:
        rows = issue(team, 6)
        advice = self.advise(team, timedelta(days=1), timedelta(days=3))
        sweep(team)
        moments = [due_at(team, row) for row in rows]
        assert all(advice.begins <= moment <= advice.ends for moment in moments)
        assert len(set(moments)) == 6, "spread over the window"
        assert advice.explanation in " ".join(team.services.renewals.explained(rows[0].id)["inputs"])
        team.clock.now = advice.ends
        sweep(team)
        for row in rows:
            successor = present(team, row.lineage_id)
            assert successor.id != row.id
            assert due_at(team, successor) > team.clock.now + timedelta(days=7), (
                "nobody advises it for this one"
            )

    def test_a_window_that_is_past_is_due_now_but_in_open_times_only(self, team: Team) -> None:
        (row,) = issue(team)
        team.clock.now = team.clock.now.replace(hour=12) + timedelta(days=1)
        set_rule(team, windows=TestOpenTimes.NIGHT)
        self.advise(team, -timedelta(hours=2), -timedelta(hours=1))
        sweep(team)
        assert 2 <= due_at(team, row).hour < 4
        set_rule(team)
        sweep(team)
        assert present(team, row.lineage_id).id != row.id

    def test_others_are_left_alone_and_it_can_be_withdrawn(self, team: Team) -> None:
        broken_authority(team)
        (row,), (other,) = issue(team), issue(team, profile="lost")
        before = due_at(team, row), due_at(team, other)
        self.advise(team, timedelta(hours=1), timedelta(hours=2))
        sweep(team)
        assert due_at(team, row) < before[0]
        assert due_at(team, other) == before[1]
        team.services.authorities.advise(team.admin, "root", None)
        sweep(team)
        assert (due_at(team, row), due_at(team, other)) == before


class TestManyAtOnce:
    """A rule that is changed for more certificates than one transaction should touch."""

    def many(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> list[Certificate]:
        monkeypatch.setattr("certrail.services.renewal_plans.AT_ONCE", 3)
        return issue(team, 8)

    def test_the_sweep_chooses_and_renews_none_because_of_it(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = self.many(team, monkeypatch)
        set_rule(team, before_seconds=10 * 86400)
        assert {team.services.renewals.explained(row.id)["stale"] for row in rows} == {True}
        assert sweep(team) == 8
        assert [present(team, row.lineage_id).id for row in rows] == [row.id for row in rows]
        for row in rows:
            assert due_at(team, row) > team.clock.now + timedelta(days=9)
            assert "10.0 days before the end" in " ".join(team.services.renewals.explained(row.id)["inputs"])

    def test_failures_are_not_forgotten_and_not_told_of_again(
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
        assert _renewed_count(team) == 1


def test_a_chunk_ends_when_its_transaction_has_taken_long_enough(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = issue(team, 5)
    team.clock.now = max(due_at(team, row) for row in rows)
    monkeypatch.setattr("certrail.services.renewal_sweep.LONGEST", 0.0)
    assert team.services.sweeps["renewals"]() == 1
    assert sweep(team) == 4
    assert _renewed_count(team) == 5


def test_a_turn_whose_process_died_is_not_used_twice(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed and rolled back was asked of the authority, too."""
    rows = issue(team, 12)
    team.services.authorities.update(team.admin, "root", renewals_per_minute=6)
    team.clock.now = max(due_at(team, row) for row in rows)
    signed: list[datetime] = []
    monkeypatch.setattr(
        "certrail.services.issuance.checkpoint",
        lambda name: signed.append(team.clock.now) if name == "issuance.signed" else None,
    )
    deaths = iter([False, True] * 4)

    def die(name: str) -> None:
        if name == "renewals.renewed" and signed and next(deaths, False):
            raise SystemExit

    monkeypatch.setattr("certrail.services.renewal_sweep.checkpoint", die)
    while _renewed_count(team) < 12:
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
