"""What is over is not told of any more, and what is no trouble never falls silent because another thing happened."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from sqlmodel import select
from tests.integration.alert_world import (
    HOUR,
    LINEAGE,
    MINUTE,
    REFUSED,
    alert,
    channel,
    connect,
    happens,
    log,
    only,
    pager,
    sent,
    the_alert,
)
from tests.integration.conftest import Team
from tests.integration.slack_world import open_channel, step
from tests.support.sample_events import sample_event

from certrail.persistence.tables import ApprovalMessage
from certrail.services.alerting.alerts import Escalation
from certrail.services.alerting.notify import NotifyCall
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import Failure
from certrail_sdk import Sent

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BUSY = Failure("Retryable", "451 try later", "Wait", "email 1", NOON + MINUTE, permanent=False)


@pytest.fixture(autouse=True)
def connections(team: Team) -> None:
    team.clock.now = NOON
    connect(team)


def expires(team: Team) -> None:
    happens(team, "certificate.expiring", alert_id=the_alert(team), threshold_seconds=86400)


class TestWhatIsOver:
    def test_a_message_that_waits_for_its_next_try_is_not_sent_after_the_renewal(self, team: Team) -> None:
        channel(team, "mail")
        alert(team, "certificate.expiring", thresholds=[24 * HOUR])
        expires(team)
        row = only(team, "pending")
        assert team.services.effects.notify.begin(row.id, 1)
        team.services.effects.notify.fail(row.id, BUSY)
        happens(team, "certificate.renewed")
        assert team.services.effects.notify.begin(row.id, 2) is None
        assert [status for status, _ in log(team)] == ["withdrawn"]

    def test_an_incident_is_not_opened_outside_after_its_end(self, team: Team) -> None:
        pager(team)
        alert(team, "certificate.renewal_failed", channels=["pager"])
        happens(team, "certificate.renewal_failed")
        opened = only(team, "pending")
        assert team.services.effects.notify.begin(opened.id, 1)
        team.services.effects.notify.fail(opened.id, BUSY)
        team.clock.now += MINUTE
        happens(team, "certificate.renewed")
        assert team.services.effects.notify.begin(opened.id, 2) is None
        closing = only(team, "pending")
        assert closing.content["stage"] == "closed", "the try that failed may have opened it"
        assert team.services.effects.notify.begin(closing.id, 1)

    def test_neither_is_one_that_no_try_was_made_for(self, team: Team) -> None:
        pager(team)
        alert(team, "certificate.renewal_failed", channels=["pager"])
        happens(team, "certificate.renewal_failed")
        opened = only(team, "pending")
        team.clock.now += MINUTE
        happens(team, "certificate.renewed")
        assert team.services.effects.notify.begin(opened.id, 1) is None
        happens(team, "certificate.renewal_failed")
        again = team.services.alerts.notifications(team.application)[0]
        assert team.services.effects.notify.begin(again.id, 1), "the next trouble is another one"

    def test_nobody_stands_in_for_what_is_over(self, team: Team) -> None:
        channel(team, "backup")
        channel(team, "mail", fallback="backup")
        alert(team, "certificate.expiring", thresholds=[24 * HOUR])
        expires(team)
        row = only(team, "pending")
        assert team.services.effects.notify.begin(row.id, 1)
        happens(team, "certificate.renewed")
        team.services.effects.notify.fail(row.id, REFUSED)
        assert log(team, "backup") == []


class TestWhatIsNoFailure:
    def test_each_renewal_is_in_the_digest(self, team: Team) -> None:
        channel(team, "mail", digest=HOUR)
        alert(team, "certificate.renewed")
        for _ in range(2):
            happens(team, "certificate.renewed")
            team.clock.now += MINUTE
        assert [status for status, _ in log(team)] == ["held", "held"]

    def test_a_revocation_is_reported_although_a_successor_came(self, team: Team) -> None:
        channel(team, "mail", digest=HOUR)
        alert(team, "certificate.revoked")
        happens(team, "certificate.revoked", superseded=False)
        happens(team, "certificate.renewed")
        assert [status for status, _ in log(team)] == ["held"]


class TestWhatWasSentAlready:
    def test_a_second_try_that_fails_changes_nothing(self, team: Team) -> None:
        """One that was thought dead has sent it, while another one was at it."""
        channel(team, "backup")
        channel(team, "mail", fallback="backup")
        alert(team, "certificate.issued")
        happens(team, "certificate.issued")
        row = only(team, "pending")
        for attempt in (1, 2):
            call = team.services.effects.notify.begin(row.id, attempt)
            assert isinstance(call, NotifyCall)
        team.services.effects.notify.complete(call, Sent(reference="<1>"))  # type: ignore[arg-type]
        for failure in (BUSY, REFUSED):
            team.services.effects.notify.fail(row.id, failure)
        assert log(team) == [("sent", "Certificate issued: api.example.com")]


class TestChannelsThatWorkAgain:
    def events(self, team: Team) -> list[str]:
        found = team.services.audit_log.events(team.application)
        return [
            row.type for row in found if row.type.startswith("channel.") and row.type != "channel.created"
        ]

    def test_the_next_message_says_so(self, team: Team) -> None:
        channel(team, "mail")
        alert(team, "certificate.issued")
        happens(team, "certificate.issued")
        team.services.effects.notify.fail(only(team, "pending").id, REFUSED)
        for _ in range(2):
            happens(team, "certificate.issued")
            sent(team, only(team, "pending"), Sent(reference="<2>"))
        assert sorted(self.events(team)) == ["channel.failed", "channel.recovered"]

    def test_its_incident_ends_though_nothing_was_reported_of_it(self, team: Team) -> None:
        channel(team, "mail")
        channel(team, "lead")
        steps = [Escalation(10 * MINUTE, ["lead"])]
        alert(team, "certificate.issued", "channel.failed", escalation=steps)
        happens(team, "certificate.issued")
        row = only(team, "pending")
        team.services.effects.notify.fail(row.id, BUSY)
        assert len(team.services.incidents.list(team.application)) == 2
        sent(team, row, Sent(reference="<1>"))
        keys = {row.key for row in team.services.incidents.list(team.application)}
        assert not any(key.startswith("channel-") for key in keys)

    def test_a_question_that_is_shown_says_so_too(self, team: Team) -> None:
        config = {"bot_token": "xoxb-1", "signing_secret": "hunter2-hunter2"}
        team.services.connections.create(team.admin, slug="work", name="W", type_="slack", config=config)
        open_channel(team, "approvals", "work")
        team.person("ann")
        team.guard(step("Owners", "ann"))
        team.ask(team.admin)
        with team.services.context.db.read() as session:
            copy = session.exec(select(ApprovalMessage)).one()
        team.services.approval_messages.failed(copy.id, BUSY)
        assert self.events(team) == ["channel.failed"]
        team.services.approval_messages.shown(copy.id, "1", "C1:1700.1", closed=False)
        assert self.events(team) == ["channel.failed", "channel.recovered"]


def test_two_failures_at_the_same_instant_are_one_incident(team: Team) -> None:
    channel(team, "mail")
    alert(team, "certificate.renewal_failed", escalation=[Escalation(10 * MINUTE, ["mail"])])
    db, coming = team.services.context.db, threading.Event()

    def before(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread() is not threading.main_thread() and "INTO incident" in statement:
            coming.set()

    event.listen(db.engine, "before_cursor_execute", before)
    try:
        with ThreadPoolExecutor(1) as pool:
            with team.services.context.unit_of_work(SYSTEM) as uow:
                facts = {"lineage_id": LINEAGE, "common_name": "api.example.com"}
                uow.record(sample_event("certificate.renewal_failed", "c-1", team.application, **facts))
                uow.session.flush()
                other = pool.submit(happens, team, "certificate.renewal_failed")
                assert db.is_sqlite or coming.wait(60)
            other.result(60)
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
    assert len(team.services.incidents.list(team.application)) == 1
    assert len(log(team)) == 2
