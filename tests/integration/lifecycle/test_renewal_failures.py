"""A renewal that fails is told of once and tried again, and holds up no other."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.renewal_world import (
    HOUR,
    broken_authority,
    due_at,
    events,
    issue,
    lose_key,
    present,
    put_back_key,
    sweep,
)

from certrail.persistence.tables import Lineage, NotificationRow, OutboxRow

pytestmark = pytest.mark.any_database


@pytest.mark.endurance  # hundreds of sweeps, one after the other
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_authority_that_is_down_for_days_is_reported_once_and_renewals_resume(team: Team) -> None:
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
    tried = list[datetime]()
    while (instant := team.services.renewals.explained(row.id)["renew_at"]) is not None:
        # The hours of a month are all alike: most of it nothing runs, which changes nothing.
        team.clock.now = row.not_after + timedelta(days=28) if len(tried) == 24 else instant
        sweep(team)
        tried.append(team.clock.now)
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


def test_one_that_is_denied_does_not_hold_up_the_others(team: Team) -> None:
    good, bad = issue(team, 2)
    team.services.catalog.update_policy(team.admin, "tls", {"sans": {"dns": {"allowed": ["n0.example.com"]}}})
    team.clock.now = max(due_at(team, row) for row in (good, bad))
    sweep(team)
    assert present(team, good.lineage_id).id != good.id
    assert present(team, bad.lineage_id).id == bad.id
    (failed,) = events(team, "certificate.renewal_failed")
    assert failed.data["lineage_id"] == bad.lineage_id


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


def test_a_lineage_that_cannot_even_be_reported_of_does_not_hold_up_the_others(team: Team) -> None:
    good, bad = issue(team, 2)
    team.clock.now = max(due_at(team, row) for row in (good, bad))
    with team.services.context.db.write() as session:
        lineage = session.get_one(Lineage, bad.lineage_id)
        lineage.current_certificate_id = "gone"
        session.add(lineage)
    sweep(team)
    assert present(team, good.lineage_id).id != good.id
    with team.services.context.db.read() as session:
        assert session.get_one(Lineage, bad.lineage_id).renew_at == team.clock.now + HOUR


@pytest.mark.endurance  # hundreds of sweeps, one after the other
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
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
    instants = [due_at(team, row) for row in rows]
    team.clock.now = min(instants)
    key = lose_key(team, "root")
    for instant in instants[2:]:
        assert instant > team.clock.now
    began = team.clock.now
    while team.clock.now < began + timedelta(days=3):
        sweep(team)
        team.clock.advance(timedelta(minutes=30))
    short = {row.lineage_id for row in rows[:2]}
    assert all(row.not_after < team.clock.now for row in rows[:2]), "they have ended meanwhile"
    reported = events(team, "certificate.renewal_failed")
    due = {row.lineage_id for row, instant in zip(rows, instants, strict=True) if instant < team.clock.now}
    assert Counter(event.data["lineage_id"] for event in reported) == Counter(due)
    assert short <= due
    with team.services.context.db.read() as session:
        sent = session.exec(select(NotificationRow)).all()
        demands = session.exec(select(OutboxRow).where(OutboxRow.flow == "notification")).all()
    assert len(sent) == len(demands) == len(due), "one message for each, and no other"
    put_back_key(team, "root", key)
    team.clock.advance(HOUR)
    sweep(team)
    assert all(present(team, lineage).not_after > team.clock.now for lineage in due)
    assert len(events(team, "certificate.renewal_failed")) == len(due)
