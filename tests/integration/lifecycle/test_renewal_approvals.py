"""A guarded profile asks before the clock renews, or has a yes that stands for a series."""

from datetime import timedelta

from tests.integration.conftest import Team
from tests.integration.renewal_world import HOUR, due_at, events, issue, present, sweep

from certrail.persistence.tables import Certificate
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import Actor


def test_a_guarded_profile_asks_first(team: Team) -> None:
    boss = team.person("boss")
    (first,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, first)
    sweep(team)
    request = team.services.renewals.explained(first.id)["request"]
    assert isinstance(request, str)
    approval = team.services.approvals.of_subject(request)
    assert approval
    assert sweep(team) == 0
    team.services.approvals.vote(boss, approval.id, "approve")
    team.services.issuance.advance(request)
    assert present(team, first.lineage_id).id != first.id


def test_a_rejected_renewal_is_reported_and_asked_again_later(team: Team) -> None:
    boss = team.person("boss")
    (first,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, first)
    sweep(team)
    request = team.services.renewals.explained(first.id)["request"]
    approval = team.services.approvals.of_subject(str(request))
    assert approval
    team.services.approvals.vote(boss, approval.id, "reject", "not now")
    (failed,) = events(team, "certificate.renewal_failed")
    assert failed.data["reason"] == "rejected: not now"
    team.clock.advance(HOUR)
    sweep(team)
    assert team.services.renewals.explained(first.id)["request"] not in (None, request)


def test_a_renewal_that_fails_while_it_waits_for_its_approval_has_failed_once(team: Team) -> None:
    team.person("boss")
    (first,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    request = team.services.renewals.renew(team.admin, first.id)
    team.services.authorities.update(team.admin, "root", enabled=False)
    assert team.services.issuance.advance(request.id).status == "failed"
    assert team.services.renewals.explained(first.id)["failures"] == 1
    assert not events(team, "request.cancelled")
    assert len(events(team, "request.failed")) == len(events(team, "approval.cancelled")) == 1


def test_what_ended_while_nobody_decided_is_asked_about_again(team: Team) -> None:
    """It is tried for a month after its end, as is what failed for any other reason."""
    team.person("boss")
    (first,) = issue(team, ttl=timedelta(days=20))
    team.guard(Step("Owners", ("boss",)), request_ttl=timedelta(days=30))
    team.clock.now = due_at(team, first)
    for _ in range(2):
        sweep(team)
        request = team.services.renewals.explained(first.id)["request"]
        assert isinstance(request, str)
        team.clock.advance(timedelta(days=30))
        assert team.clock.now > first.not_after
        assert team.services.issuance.advance(request).status == "expired"
        team.clock.advance(HOUR)
    explained = team.services.renewals.explained(first.id)
    assert (explained["renew_at"], explained["failures"]) == (None, 2)
    assert "no try succeeded" in explained["off"]
    assert [event.data["next_try_at"] is None for event in events(team, "certificate.renewal_failed")] == [
        False,
        True,
    ]


class TestPresentApproval:
    """One yes for a series of renewals."""

    def begin(self, team: Team, **limits: int) -> tuple[Actor, Certificate]:
        boss = team.person("boss")
        team.guard(Step("Owners", ("boss",)), renewal_preapproval=limits)
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
        assert len(events(team, "approval.preapproved")) == 2

    def test_a_renewal_that_failed_was_none(self, team: Team) -> None:
        _, row = self.begin(team, renewals=1, days=3650)
        for _ in range(2):
            failed = team.services.renewals.renew(team.admin, row.id)
            assert failed.status == "approved"
            team.services.issuance.fail(failed.id, "the worker gave up")
        request = team.services.renewals.renew(team.admin, row.id)
        assert team.services.issuance.advance(request.id).status == "issued"
        second = present(team, row.lineage_id)
        assert team.services.renewals.renew(team.admin, second.id).status == "pending_approval"

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
        team.services.catalog.update_policy(
            team.admin, "tls", {"sans": {"dns": {"allowed": ["*.example.com", "*.example.org"]}}}
        )
        assert self.renewed(team, row).id == row.id
        assert not events(team, "approval.preapproved")

    def test_by_hand_it_counts_too_and_other_names_do_not(self, team: Team) -> None:
        _, row = self.begin(team, renewals=1, days=3650)
        request = team.services.renewals.renew(team.admin, row.id)
        assert request.status == "approved"
        assert request.preapproval_id
