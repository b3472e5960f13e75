"""Nobody is told too often, too loudly or at night; and what nobody sees to is told further."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select
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
    sent_now,
    slug_of,
    the_alert,
)
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, Conflict
from certrail.domain.windows import Window
from certrail.persistence.tables import Incident, NotificationRow
from certrail.services.alerting.alerts import Escalation
from certrail_sdk import Notification, Recipient, Sent

pytestmark = pytest.mark.any_database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = Window(begins="22:00", ends="07:00", zone="Europe/Berlin")


@pytest.fixture(autouse=True)
def connections(team: Team) -> None:
    team.clock.now = NOON
    connect(team)


class TestQuietHours:
    def test_what_can_wait_waits_for_the_morning(self, team: Team) -> None:
        channel(team, "mail", quiet_hours=[NIGHT])
        alert(team, "certificate.issued", "certificate.renewal_failed")
        team.clock.now = datetime(2026, 3, 2, 23, tzinfo=UTC)
        happens(team, "certificate.issued")
        assert only(team, "held").held_until == datetime(2026, 3, 3, 6, tzinfo=UTC), "7 o'clock in Berlin"
        team.clock.now += MINUTE
        happens(team, "certificate.renewal_failed")
        assert [status for status, _ in log(team)] == ["held", "pending"], "what is critical does not wait"
        team.clock.now = datetime(2026, 3, 3, 5, 59, tzinfo=UTC)
        assert team.services.sweeps["digests"]() == 0
        team.clock.now += MINUTE
        assert team.services.sweeps["digests"]() == 1
        assert [status for status, _ in log(team)] == ["pending", "pending"]
        assert sent_now(team) == 2

    @pytest.mark.parametrize(
        "hours",
        [
            [Window(begins="00:00", ends="00:00")],
            [Window(begins="22:00", ends="07:00"), Window(begins="07:00", ends="22:00")],
        ],
    )
    def test_hours_that_never_end_are_refused(self, team: Team, hours: list[Window]) -> None:
        with pytest.raises(BadInput, match="never end"):
            channel(team, "mail", quiet_hours=hours)

    def test_by_day_nothing_waits(self, team: Team) -> None:
        channel(team, "mail", quiet_hours=[NIGHT])
        alert(team, "certificate.issued")
        happens(team, "certificate.issued")
        assert [status for status, _ in log(team)] == ["pending"]


class TestDigests:
    def test_what_waited_comes_as_one(self, team: Team) -> None:
        channel(team, "mail", digest=HOUR)
        alert(team, "certificate.issued", "certificate.expiring", thresholds=[24 * HOUR])
        team.clock.now = NOON + 10 * MINUTE
        for name in ("a", "b", "c"):
            happens(team, "certificate.issued", common_name=name)
            team.clock.now += MINUTE
        assert [status for status, _ in log(team)] == ["held"] * 3
        assert sent_now(team) == 0
        team.clock.now = NOON + HOUR
        assert team.services.sweeps["digests"]() == 3
        assert team.services.sweeps["digests"]() == 0
        digest = only(team, "pending")
        assert digest.content["title"] == "3 messages in App since 2026-03-02 12:10 UTC"
        assert [fact["value"] for fact in digest.content["facts"]] == [
            f"Certificate issued: {name}" for name in ("a", "b", "c")
        ]
        held = team.services.alerts.notifications(team.application, "digested")
        assert {row.digest_id for row in held} == {digest.id}
        assert sent_now(team) == 1

    def test_two_sweeps_at_once_make_one_digest(self, team: Team) -> None:
        channel(team, "mail", digest=HOUR)
        alert(team, "certificate.issued")
        for name in ("a", "b"):
            happens(team, "certificate.issued", common_name=name)
        team.clock.now += HOUR
        with ThreadPoolExecutor(2) as both:
            handled = [f.result() for f in [both.submit(team.services.sweeps["digests"]) for _ in range(2)]]
        assert sum(handled) == 2
        assert sent_now(team) == 1

    def test_a_digest_waits_for_the_end_of_quiet_hours(self, team: Team) -> None:
        channel(team, "mail", digest=HOUR, quiet_hours=[NIGHT])
        alert(team, "certificate.issued")
        team.clock.now = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
        happens(team, "certificate.issued")
        team.clock.now += HOUR
        assert team.services.sweeps["digests"]() == 0
        assert only(team, "held").held_until == datetime(2026, 3, 3, 6, tzinfo=UTC)

    def test_failure_that_is_over_is_not_reported_of(self, team: Team) -> None:
        channel(team, "mail", digest=HOUR)
        alert(team, "certificate.expiring", thresholds=[24 * HOUR])
        happens(team, "certificate.expiring", alert_id=the_alert(team), threshold_seconds=86400)
        happens(team, "certificate.renewed")
        assert [status for status, _ in log(team)] == ["withdrawn"]
        team.clock.now += HOUR
        assert team.services.sweeps["digests"]() == 0

    @pytest.mark.parametrize("digest", [timedelta(seconds=5), timedelta(days=2)])
    def test_an_interval_that_makes_no_sense_is_refused(self, team: Team, digest: timedelta) -> None:
        with pytest.raises(BadInput, match="every minute to every day"):
            channel(team, "mail", digest=digest)


class TestEscalation:
    @pytest.fixture(autouse=True)
    def escalated(self, team: Team) -> None:
        for slug in ("mail", "lead", "director"):
            channel(team, slug)
        steps = [Escalation(10 * MINUTE, ["lead"]), Escalation(HOUR, ["director", "lead"])]
        alert(team, "certificate.renewal_failed", escalation=steps)
        happens(team, "certificate.renewal_failed")

    def test_it_is_reported_further_until_somebody_sees_to_it(self, team: Team) -> None:
        assert [len(log(team, slug)) for slug in ("mail", "lead", "director")] == [1, 0, 0]
        assert team.services.sweeps["incidents"]() == 0
        team.clock.now += 10 * MINUTE
        assert team.services.sweeps["incidents"]() == 1
        assert log(team, "lead") == [
            ("pending", "Nobody sees to it: Certificate not renewed: api.example.com")
        ]
        assert team.services.sweeps["incidents"]() == 0
        (incident,) = team.services.incidents.list(team.application)
        seen = team.services.incidents.acknowledge(team.admin, incident.id, "On it")
        assert (seen.acknowledged_by, seen.comment) == (team.admin.principal_id, "On it")
        team.clock.now += 5 * HOUR
        assert team.services.sweeps["incidents"]() == 0
        assert log(team, "director") == []
        with pytest.raises(Conflict, match="seen to already"):
            team.services.incidents.acknowledge(team.admin, incident.id)

    def test_all_steps_are_taken_once(self, team: Team) -> None:
        team.clock.now += 24 * HOUR
        with ThreadPoolExecutor(2) as both:
            futures = [both.submit(team.services.sweeps["incidents"]) for _ in range(2)]
            handled = sum(f.result() for f in futures)
        while more := team.services.sweeps["incidents"]():
            handled += more
        assert handled == 2
        assert [len(log(team, slug)) for slug in ("mail", "lead", "director")] == [1, 2, 1]

    def test_one_failure_is_one_incident(self, team: Team) -> None:
        happens(team, "certificate.renewal_failed", reason="again")
        assert len(team.services.incidents.list(team.application)) == 1

    def test_it_ends_when_the_failure_does(self, team: Team) -> None:
        happens(team, "certificate.renewed")
        assert team.services.incidents.list(team.application) == []
        (over,) = team.services.incidents.list(team.application, closed=True)
        team.clock.now += 24 * HOUR
        assert team.services.sweeps["incidents"]() == 0
        with pytest.raises(Conflict, match="over"):
            team.services.incidents.acknowledge(team.admin, over.id)
        happens(team, "certificate.renewal_failed")
        assert len(team.services.incidents.list(team.application)) == 1, "the next trouble is another one"

    def test_switched_off_and_deleted_alerts_wake_nobody(self, team: Team) -> None:
        team.services.alerts.update_alert(team.admin, team.application, "told", enabled=False)
        team.clock.now += 24 * HOUR
        assert team.services.sweeps["incidents"]() == 0
        team.services.alerts.delete_alert(team.admin, team.application, "told")
        with team.services.context.db.read() as session:
            assert session.exec(select(Incident)).all() == []

    def test_a_channel_that_is_escalated_to_is_kept(self, team: Team) -> None:
        with pytest.raises(Conflict, match="told"):
            team.services.channels.delete(team.admin, team.application, "director")

    @pytest.mark.parametrize("waits", [[HOUR, MINUTE], [timedelta(seconds=1)], [timedelta(days=30)]])
    def test_steps_that_make_no_sense_are_refused(self, team: Team, waits: list[timedelta]) -> None:
        steps = [Escalation(wait, ["lead"]) for wait in waits]
        with pytest.raises(BadInput, match="shortest wait first"):
            team.services.alerts.update_alert(team.admin, team.application, "told", escalation=steps)


class TestOutsideIncidents:
    def stages(self, team: Team) -> list[str]:
        rows = sorted(team.services.alerts.notifications(team.application), key=lambda row: row.created_at)
        return [Notification.model_validate(row.content).stage.value for row in rows]

    def test_what_was_opened_outside_is_closed_there_too(self, team: Team) -> None:
        pager(team)
        alert(team, "certificate.renewal_failed", channels=["pager"])
        happens(team, "certificate.renewed", lineage_id="another")
        happens(team, "certificate.renewal_failed")
        team.clock.now += MINUTE
        happens(team, "certificate.renewed")
        assert self.stages(team) == ["open", "closed"], "though the alert names one event only"
        with team.services.context.db.read() as session:
            rows = session.exec(select(NotificationRow).order_by(col(NotificationRow.created_at))).all()
        assert {row.incident for row in rows} == {f"certificate-{LINEAGE}"}

    def test_its_end_is_reported_once(self, team: Team) -> None:
        pager(team)
        alert(team, "certificate.renewal_failed", channels=["pager"])
        happens(team, "certificate.renewal_failed")
        for _ in range(3):
            team.clock.now += MINUTE
            happens(team, "certificate.renewed")
        assert self.stages(team) == ["open", "closed"]
        happens(team, "certificate.renewal_failed")
        team.clock.now += MINUTE
        happens(team, "certificate.renewed")
        assert self.stages(team)[2:] == ["open", "closed"], "the next trouble has an end of its own"

    def test_what_ends_something_else_does_not_end_it(self, team: Team) -> None:
        pager(team)
        alert(team, "certificate.renewal_failed", "delivery.failed", channels=["pager"])
        happens(team, "certificate.renewal_failed")
        happens(team, "certificate.revoked", superseded=True)
        assert self.stages(team) == ["open"], "the predecessor was revoked"
        team.clock.now += MINUTE
        happens(team, "certificate.revoked", superseded=False)
        assert self.stages(team) == ["open", "closed"]

    def test_an_acknowledgement_is_passed_on(self, team: Team) -> None:
        pager(team)
        channel(team, "lead")
        steps = [Escalation(HOUR, ["lead"])]
        alert(team, "certificate.renewal_failed", channels=["pager"], escalation=steps)
        happens(team, "certificate.renewal_failed")
        (incident,) = team.services.incidents.list(team.application)
        team.clock.now += MINUTE
        team.services.incidents.acknowledge(team.admin, incident.id)
        assert self.stages(team) == ["open", "acknowledged"]

    def test_it_decides_itself_whom_to_wake(self, team: Team) -> None:
        with pytest.raises(BadInput, match="quiet hours and digests"):
            pager(team, digest=HOUR)


class TestFallback:
    def test_what_one_channel_cannot_say_another_does(self, team: Team) -> None:
        channel(team, "backup")
        channel(team, "mail", fallback="backup")
        alert(team, "certificate.issued", "channel.failed", channels=["mail", "backup"])
        happens(team, "certificate.issued")
        (row,) = (
            r for r in team.services.alerts.notifications(team.application) if "mail" in slug_of(team, r)
        )
        team.services.effects.notify.fail(row.id, REFUSED)
        team.services.effects.notify.fail(row.id, REFUSED)
        titles = [title for _, title in log(team, "backup")]
        assert titles.count("Certificate issued: api.example.com") == 2
        assert titles.count("A channel cannot be reached: mail") == 1
        fallback = next(
            r
            for r in team.services.alerts.notifications(team.application)
            if r.dedupe_key.startswith("fallback")
        )
        assert {"label": "Not sent by", "value": "Mail: 550 no such user"} in fallback.content["facts"]

    def test_two_broken_channels_do_not_tell_of_each_other_for_ever(self, team: Team) -> None:
        channel(team, "one")
        channel(team, "two", fallback="one")
        team.services.channels.update(team.admin, team.application, "one", fallback="two")
        alert(team, "certificate.issued", "channel.failed", channels=["one", "two"])
        happens(team, "certificate.issued")
        for _ in range(10):
            open_ = team.services.alerts.notifications(team.application, "pending")
            for row in open_:
                team.services.effects.notify.fail(row.id, REFUSED)
        assert team.services.alerts.notifications(team.application, "pending") == []

    def test_a_channel_stands_in_for_others_only(self, team: Team) -> None:
        channel(team, "mail")
        with pytest.raises(BadInput, match="its own fallback"):
            team.services.channels.update(team.admin, team.application, "mail", fallback="mail")

    def test_one_that_stands_in_is_kept_until_it_does_no_more(self, team: Team) -> None:
        channel(team, "backup")
        channel(team, "mail", fallback="backup")
        with pytest.raises(Conflict, match="mail"):
            team.services.channels.delete(team.admin, team.application, "backup")
        team.services.channels.update(team.admin, team.application, "mail", fallback=None)
        team.services.channels.delete(team.admin, team.application, "backup")


def test_a_message_is_replayed_as_another_entry_of_the_log(team: Team) -> None:
    channel(team, "mail")
    alert(team, "certificate.issued")
    happens(team, "certificate.issued")
    first = only(team, "pending")
    receipts = (
        Recipient(address="ops@example.com", accepted=True),
        Recipient(address="gone@example.com", accepted=False, detail="550"),
    )
    kept = sent(team, first, Sent(reference="<1>", recipients=receipts))
    assert kept.receipt
    assert [(r["address"], r["accepted"]) for r in kept.receipt["recipients"]] == [
        ("ops@example.com", True),
        ("gone@example.com", False),
    ]
    again = team.services.alerts.replay(team.admin, first.id)
    assert (again.status, again.content["title"]) == ("pending", first.content["title"])
    assert again.content["id"] == again.id != first.id
    assert team.services.alerts.notification(first.id).status == "sent"
    assert sent_now(team) == 2
