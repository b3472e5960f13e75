"""A renewal that has to wait has a round of its own, which one workflow carries: once, and no longer than needed."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlmodel import col, select
from tests.integration.conftest import Team
from tests.integration.renewal_world import HOUR, due_at, events, issue, present, set_rule, sweep, wake

from certrail.persistence.tables import Certificate, Lineage, OutboxRow
from certrail.pki.revocation import Reason
from certrail.services.approvals.policies import Step
from certrail.services.lifecycle.renewal_waits import OVER

pytestmark = pytest.mark.any_database


def lineage_of(team: Team, row: Certificate) -> Lineage:
    with team.services.context.db.read() as session:
        return session.get_one(Lineage, row.lineage_id)


def rows_of(team: Team, row: Certificate, round_: int = 1) -> list[OutboxRow]:
    """What the workflow of a round was started and signalled by."""
    ident = f"renewal-{row.lineage_id}-{round_}"
    query = select(OutboxRow).where(OutboxRow.workflow_id == ident).order_by(col(OutboxRow.seq))
    with team.services.context.db.read() as session:
        return list(session.exec(query).all())


def failing(team: Team) -> Certificate:
    """One whose renewal failed a moment ago, as its authority is disabled."""
    (row,) = issue(team)
    team.services.authorities.update(team.admin, "root", enabled=False)
    team.clock.now = due_at(team, row)
    sweep(team)
    assert lineage_of(team, row).renewal_wait == "retry"
    return row


def advance(team: Team, row: Certificate, round_: int = 1) -> object:
    return team.services.renewal_waits.advance(row.lineage_id, round_)


def test_what_fails_is_handed_to_a_workflow_that_is_started_once(team: Team) -> None:
    row = failing(team)
    (start,) = rows_of(team, row)
    assert (start.flow, start.signal, start.lineage_id) == ("renewal", None, row.lineage_id)
    assert (start.application_id, start.summary) == (team.application, "Renew n0.example.com")
    for _ in range(3):
        team.clock.now = due_at(team, row)
        sweep(team)
    assert team.services.renewals.explained(row.id)["failures"] == 4
    assert len(rows_of(team, row)) == 1, "its own timer wakes it, so nobody signals it"
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.clock.now = due_at(team, row)
    assert advance(team, row) == OVER
    assert present(team, row.lineage_id).id != row.id
    assert lineage_of(team, row).renewal_wait is None
    assert len(rows_of(team, row)) == 1


def test_a_wait_is_explained(team: Team) -> None:
    row = failing(team)
    explained = team.services.renewals.explained(row.id)
    assert (explained["waits_for"], explained["renew_at"]) == ("retry", team.clock.now + timedelta(minutes=5))
    assert "disabled" in explained["error"]


def test_a_renewal_by_hand_ends_the_round(team: Team) -> None:
    row = failing(team)
    team.services.authorities.update(team.admin, "root", enabled=True)
    request = team.services.renewals.renew(team.admin, row.id)
    assert team.services.issuance.advance(request.id).status == "issued"
    assert lineage_of(team, row).renewal_wait is None
    assert rows_of(team, row)[-1].signal, "its workflow hears of it"
    team.clock.advance(HOUR)
    assert advance(team, row) == OVER
    assert len(events(team, "certificate.renewed")) == 1


def test_a_revocation_ends_the_round(team: Team) -> None:
    row = failing(team)
    team.services.revocation.revoke(team.admin, row.id, Reason.SUPERSEDED)
    assert lineage_of(team, row).renewal_wait is None
    assert rows_of(team, row)[-1].signal
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.clock.advance(HOUR)
    assert advance(team, row) == OVER
    assert present(team, row.lineage_id).id == row.id


def test_a_rule_that_changes_gives_the_lineage_back_to_the_sweep(team: Team) -> None:
    row = failing(team)
    team.services.authorities.update(team.admin, "root", enabled=True)
    set_rule(team, fraction=0.4)
    assert lineage_of(team, row).renewal_wait is None
    assert advance(team, row) == OVER, "one of them owns it, and now it is the sweep"
    assert team.services.sweeps["renewals"]() == 1
    assert present(team, row.lineage_id).id != row.id


def test_a_round_that_is_over_never_opens_again(team: Team) -> None:
    row = failing(team)
    set_rule(team, fraction=0.4)
    sweep(team)
    assert lineage_of(team, row).renewal_round == 2
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.clock.advance(HOUR)
    assert advance(team, row, 1) == OVER
    assert present(team, row.lineage_id).id == row.id
    assert advance(team, row, 2) == OVER
    assert present(team, row.lineage_id).id != row.id


@pytest.mark.parametrize("place", ["renewals.renewed", "renewals.committed"])
def test_a_step_that_dies_is_taken_again_and_renews_once(
    team: Team, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = failing(team)
    team.services.authorities.update(team.admin, "root", enabled=True)
    team.clock.now = due_at(team, row)
    deaths = iter([True])

    def die(name: str) -> None:
        if name == place and next(deaths, False):
            raise SystemExit

    monkeypatch.setattr("certrail.services.lifecycle.renewal_waits.checkpoint", die)
    with pytest.raises(SystemExit):
        advance(team, row)
    for _ in range(2):
        assert advance(team, row) == OVER
    assert len(events(team, "certificate.renewed")) == 1


def test_an_approval_is_waited_for_in_the_round_and_its_vote_signals_it(team: Team) -> None:
    boss = team.person("boss")
    (row,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, row)
    sweep(team)
    assert lineage_of(team, row).renewal_wait == "approval"
    request = str(team.services.renewals.explained(row.id)["request"])
    (start,) = rows_of(team, row)
    assert start.signal is None
    with team.services.context.db.read() as session:
        own = select(OutboxRow).where(OutboxRow.workflow_id == f"issuance-{request}")
        assert session.exec(own).first() is None, "the renewal's workflow carries the request"
    approval = team.services.approvals.of_subject(request)
    assert approval
    team.services.approvals.vote(boss, approval.id, "approve")
    assert rows_of(team, row)[-1].signal
    assert advance(team, row) == OVER
    assert present(team, row.lineage_id).request_id == request
    assert lineage_of(team, row).renewal_wait is None


def test_a_rejected_renewal_stays_in_its_round_and_asks_again(team: Team) -> None:
    boss = team.person("boss")
    (row,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, row)
    sweep(team)
    request = str(team.services.renewals.explained(row.id)["request"])
    approval = team.services.approvals.of_subject(request)
    assert approval
    team.services.approvals.vote(boss, approval.id, "reject", "not now")
    assert lineage_of(team, row).renewal_wait == "retry"
    team.clock.advance(HOUR)
    assert wake(team) == 1
    after = lineage_of(team, row)
    assert (after.renewal_wait, after.renewal_round) == ("approval", 1)
    assert team.services.renewals.explained(row.id)["request"] not in (None, request)


def test_a_failed_request_that_is_retried_by_hand_leaves_the_round(team: Team) -> None:
    boss = team.person("boss")
    (row,) = issue(team)
    team.guard(Step("Owners", ("boss",)))
    team.clock.now = due_at(team, row)
    sweep(team)
    request = str(team.services.renewals.explained(row.id)["request"])
    team.services.issuance.fail(request, "the worker gave up")
    team.services.requests.retry(team.admin, request)
    team.clock.advance(HOUR)
    assert advance(team, row) == OVER
    approval = team.services.approvals.of_subject(request)
    assert approval
    team.services.approvals.vote(boss, approval.id, "approve")
    assert team.services.issuance.advance(request).status == "issued"
    assert len(events(team, "certificate.renewed")) == 1


def test_a_place_in_the_queue_is_waited_for_in_a_round(team: Team) -> None:
    rows = issue(team, 6)
    team.services.authorities.update(team.admin, "root", renewals_per_minute=6)
    team.clock.now = max(due_at(team, row) for row in rows)
    team.services.sweeps["renewals"]()
    waits = Counter(lineage_of(team, row).renewal_wait for row in rows)
    assert waits["rate"] == 4
    places = sorted(
        lineage.renewal_wakes_at for row in rows if (lineage := lineage_of(team, row)).renewal_wakes_at
    )
    assert [after - before for before, after in pairwise(places)] == [timedelta(seconds=15)] * 3


def test_a_round_that_is_handed_back_is_the_sweeps_again(team: Team) -> None:
    row = failing(team)
    team.services.renewal_waits.hand_back(row.lineage_id, 1)
    assert advance(team, row) == OVER
    lineage = lineage_of(team, row)
    assert (lineage.renewal_wait, lineage.renew_at) == (None, team.clock.now + HOUR)


def test_a_lineage_that_was_deleted_ends_its_workflow(team: Team) -> None:
    assert team.services.renewal_waits.advance("gone", 1) == OVER
