"""Nobody is surprised by an end, and nobody is told twice."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlmodel import col, select
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput
from certrail.persistence.tables import Alert, Certificate, EventRow, NotificationRow
from certrail.pki.parse import from_pem_text
from certrail.pki.revocation import Reason
from certrail.services.alerting import expiry
from certrail.services.alerting.expiry import EXPIRING
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.inventory.selectors import CertificateSelector
from certrail.services.issuance import imports
from certrail.services.lifecycle.renewal_sweep import RenewalSweep

pytestmark = pytest.mark.any_database

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def channel(team: Team) -> None:
    mail = {"host": "mail.example.com", "port": 587}
    team.services.connections.create(team.admin, slug="smtp", name="SMTP", type_="smtp", config=mail)
    for slug in ("mail", "other"):
        team.services.channels.create(
            team.admin,
            team.application,
            slug=slug,
            name=slug,
            notifier="email",
            connection="smtp",
            config={"sender": "certrail@example.com", "recipients": ["ops@example.com"]},
        )


def alert(team: Team, slug: str, *thresholds: timedelta, **more: object) -> None:
    options = {"channels": ["mail"], "events": ["certificate.expiring"], **more}
    team.services.alerts.create_alert(
        team.admin,
        team.application,
        slug=slug,
        name=slug,
        thresholds=thresholds,
        **options,  # type: ignore[arg-type]
    )


def imported(team: Team, name: str, ends_in: timedelta, lifetime: timedelta = 90 * DAY) -> Certificate:
    """A certificate that nobody renews."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = team.clock.now + ends_in
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(ends - lifetime).not_valid_after(ends).sign(key, hashes.SHA256())
    pem = signed.public_bytes(serialization.Encoding.PEM).decode()
    return team.services.imports.take(team.admin, team.application, from_pem_text(pem))


def pass_time(team: Team, span: timedelta, step: timedelta = 10 * MINUTE) -> None:
    until = team.clock.now + span
    while team.clock.now < until:
        sweep(team)
        team.clock.advance(step)
    sweep(team)


def sweep(team: Team) -> None:
    while team.services.sweeps["expiry"]():
        pass


def reported(team: Team) -> Sequence[NotificationRow]:
    with team.services.context.db.read() as session:
        return session.exec(select(NotificationRow).order_by(col(NotificationRow.created_at))).all()


def what(team: Team) -> list[tuple[str, int]]:
    """Certificate's name and threshold in hours, in the order in which they were told."""
    return [
        (row.content["data"]["common_name"], row.content["data"]["threshold_seconds"] // 3600)
        for row in reported(team)
    ]


def events(team: Team, type_: str) -> Sequence[EventRow]:
    with team.services.context.db.read() as session:
        return session.exec(select(EventRow).where(EventRow.type == type_).order_by(col(EventRow.seq))).all()


def test_each_threshold_is_reported_once_and_on_time(team: Team) -> None:
    alert(team, "ends", 7 * DAY, DAY, 2 * HOUR)
    ends = imported(team, "a", 8 * DAY).not_after
    pass_time(team, 9 * DAY, HOUR)
    assert what(team) == [("a", 168), ("a", 24), ("a", 2)]
    for row, threshold in zip(reported(team), (7 * DAY, DAY, 2 * HOUR), strict=True):
        late = row.created_at - (ends - threshold)
        assert timedelta(0) <= late <= HOUR, "no later than the next look"
    assert "7 days" in str(reported(team)[0].content["facts"])


def test_the_last_hour_is_counted_in_minutes(team: Team) -> None:
    alert(team, "ends", HOUR)
    imported(team, "a", 20 * MINUTE)
    sweep(team)
    assert {"label": "Ends in", "value": "20 minutes"} in reported(team)[0].content["facts"]


def test_it_is_on_time_to_the_minute(team: Team) -> None:
    alert(team, "ends", DAY)
    ends = imported(team, "a", DAY + 5 * MINUTE).not_after
    pass_time(team, 10 * MINUTE, timedelta(seconds=10))
    (row,) = reported(team)
    assert timedelta(0) <= row.created_at - (ends - DAY) <= MINUTE


def test_what_ends_soon_when_an_alert_is_made_is_reported_at_once_and_most_urgently(team: Team) -> None:
    imported(team, "soon", 3 * HOUR)
    imported(team, "week", 5 * DAY)
    imported(team, "later", 50 * DAY)
    imported(team, "over", -DAY)
    alert(team, "ends", 30 * DAY, 7 * DAY, DAY)
    sweep(team)
    assert sorted(what(team)) == [("soon", 24), ("week", 168)]


def test_what_is_imported_late_is_reported_at_once(team: Team) -> None:
    alert(team, "ends", 30 * DAY, 7 * DAY)
    sweep(team)
    imported(team, "late", 3 * DAY)
    imported(team, "later", 20 * DAY)
    imported(team, "fine", 60 * DAY)
    sweep(team)
    assert sorted(what(team)) == [("late", 168), ("later", 720)]


def test_a_threshold_longer_than_a_whole_life_says_nothing(team: Team) -> None:
    alert(team, "ends", 7 * DAY, 12 * HOUR)
    imported(team, "short", 36 * HOUR, lifetime=36 * HOUR)
    pass_time(team, 2 * DAY, 3 * HOUR)
    assert what(team) == [("short", 12)]


def test_nothing_is_said_of_what_was_renewed_or_revoked(team: Team) -> None:
    alert(team, "ends", 20 * DAY)
    request, _ = team.ask(team.admin, "a.example.com")
    team.services.issuance.advance(request)
    gone, _ = team.ask(team.admin, "b.example.com")
    team.services.issuance.advance(gone)
    team.services.revocation.revoke(team.admin, team.services.requests.get(gone).certificate_id or "")
    renewals = RenewalSweep(team.services.context, team.services.issuance)
    for _ in range(60):
        renewals.run()
        pass_time(team, DAY, DAY / 2)
    renewed = Counter(row.content["event_type"] for row in reported(team))
    assert renewed["certificate.expiring"] in (0, 1, 2), "a renewal at two thirds comes at about 16 days"


def test_what_was_on_hold_when_its_instant_passed_is_reported_when_it_is_released(team: Team) -> None:
    alert(team, "ends", 20 * DAY)
    held, fine = (team.ask(team.admin, name)[0] for name in ("a.example.com", "b.example.com"))
    for request in (held, fine):
        team.services.issuance.advance(request)
    ident = team.services.requests.get(held).certificate_id or ""
    row = team.services.inventory.get(ident)
    team.services.revocation.revoke(team.admin, ident, Reason.CERTIFICATE_HOLD)
    team.clock.now = row.not_after - 10 * DAY
    sweep(team)
    assert [row.content["data"]["dns_names"] for row in reported(team)] == [["b.example.com"]]
    team.services.revocation.release(team.admin, ident)
    sweep(team)
    assert [row.content["data"]["dns_names"] for row in reported(team)] == [
        ["b.example.com"],
        ["a.example.com"],
    ]


def test_a_daily_reminder_goes_on_until_it_is_renewed(team: Team) -> None:
    alert(team, "ends", 5 * DAY, daily_reminder=True)
    imported(team, "a", 6 * DAY)
    pass_time(team, 7 * DAY, 3 * HOUR)
    assert what(team) == [("a", hours) for hours in (120, 96, 72, 48, 24)]


def test_each_alert_speaks_for_itself_and_to_its_own_channels(team: Team) -> None:
    alert(team, "one", DAY, channels=["mail", "other"])
    alert(team, "two", 2 * DAY)
    alert(team, "elsewhere", DAY, filters=CertificateSelector(profiles=["web"]))
    imported(team, "a", 3 * DAY)
    pass_time(team, 4 * DAY, 3 * HOUR)
    assert Counter(what(team)) == {("a", 48): 1, ("a", 24): 2}


def test_after_a_week_of_being_down_the_most_urgent_word_is_said_once(team: Team) -> None:
    alert(team, "ends", 7 * DAY, 3 * DAY, DAY)
    for n in range(5):
        imported(team, f"n{n}", 8 * DAY + n * HOUR)
    sweep(team)
    team.clock.advance(timedelta(days=7, hours=12))
    sweep(team)
    assert sorted(what(team)) == [(f"n{n}", 24) for n in range(5)]


def test_more_than_a_page_is_reported_completely(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certrail.services.alerting.expiry.PAGE", 4)
    alert(team, "ends", DAY)
    for n in range(11):
        imported(team, f"n{n}", DAY + HOUR)
    team.clock.advance(2 * HOUR)
    sweep(team)
    assert len(set(what(team))) == len(reported(team)) == 11


def test_switched_off_it_is_silent_and_it_can_be_changed(team: Team) -> None:
    alert(team, "ends", 7 * DAY)
    imported(team, "a", 8 * DAY)
    services, app = team.services, team.application
    services.alerts.update_alert(team.admin, app, "ends", enabled=False)
    pass_time(team, 2 * DAY, 3 * HOUR)
    assert what(team) == []
    services.alerts.update_alert(team.admin, app, "ends", enabled=True, thresholds=[5 * DAY])
    pass_time(team, 2 * DAY, 3 * HOUR)
    assert what(team) == [("a", 120)]
    services.alerts.delete_alert(team.admin, app, "ends")
    pass_time(team, 5 * DAY, 3 * HOUR)
    assert len(what(team)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": ["certificate.issued"], "thresholds": [DAY]},
        {"events": ["certificate.expiring"], "thresholds": []},
        {"events": ["certificate.expiring"], "thresholds": [timedelta(minutes=59)]},
        {"events": ["certificate.expiring"], "thresholds": [366 * DAY]},
        {"events": ["certificate.expiring"], "thresholds": [HOUR * n for n in range(1, 22)]},
    ],
)
def test_what_makes_no_sense_is_refused(team: Team, wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        team.services.alerts.create_alert(
            team.admin,
            team.application,
            slug="x",
            name="x",
            channels=["mail"],
            **wrong,  # type: ignore[arg-type]
        )


def test_instants_are_kept_in_one_row_for_each_threshold(team: Team) -> None:
    alert(team, "ends", 3 * DAY, daily_reminder=True)
    alert(team, "other", 3 * DAY)
    imported(team, "a", 4 * DAY)
    pass_time(team, 5 * DAY, 3 * HOUR)
    assert Counter(what(team)) == {("a", 72): 2, ("a", 48): 1, ("a", 24): 1}


@pytest.mark.parametrize(
    "off_and_on",
    [
        [{"enabled": False}, {"enabled": True}],
        [{"thresholds": [3 * DAY]}, {"thresholds": [7 * DAY, 3 * DAY]}],
        [
            {"events": ["certificate.issued"], "thresholds": []},
            {"events": [EXPIRING], "thresholds": [7 * DAY]},
        ],
    ],
)
def test_what_was_reported_is_not_reported_again_when_an_alert_is_switched_off_and_on(
    team: Team, off_and_on: list[dict[str, object]]
) -> None:
    services, app = team.services, team.application
    alert(team, "ends", 7 * DAY)
    alert(team, "others", DAY)
    imported(team, "a", 6 * DAY)
    sweep(team)
    assert what(team) == [("a", 168)]
    for change in off_and_on:
        services.alerts.update_alert(team.admin, app, "ends", **change)  # type: ignore[arg-type]
        sweep(team)
    assert what(team) == [("a", 168)]
    imported(team, "b", 2 * DAY)
    pass_time(team, 2 * DAY, 3 * HOUR)
    assert ("b", 24) in what(team), "the other alerts go on"


def test_a_look_that_finds_nothing_writes_nothing(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    alert(team, "ends", 30 * DAY, daily_reminder=True)
    imported(team, "a", 60 * DAY)
    sweep(team)
    with monkeypatch.context() as patch:
        patch.setattr(ServiceContext, "unit_of_work", lambda *_: pytest.fail("a transaction was begun"))
        for _ in range(5):
            team.clock.advance(HOUR)
            assert team.services.sweeps["expiry"]() == 0
    imported(team, "late", 2 * DAY - MINUTE)
    sweep(team)
    assert what(team) == [("late", 48)]


def test_what_cannot_be_reported_of_keeps_no_other_from_its_turn(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(team, "broken", DAY)
    alert(team, "fine", DAY)
    imported(team, "a", 12 * HOUR)
    real, broken = expiry._record, {"broken"}

    def tell(uow: Any, row: Alert, threshold: int, certificate: Certificate) -> bool:
        if row.slug in broken:
            raise ValueError("hunter2-hunter2")
        return real(uow, row, threshold, certificate)

    monkeypatch.setattr(expiry, "_record", tell)
    for _ in range(3):
        sweep(team)
        team.clock.advance(MINUTE)
    assert what(team) == [("a", 24)]
    (failed,) = events(team, "sweep.failed")
    assert "ValueError" in failed.data["message"]
    assert "hunter2" not in str(failed.data)
    broken.clear()
    sweep(team)
    assert what(team) == [("a", 24)] * 2
    assert len(events(team, "sweep.recovered")) == 1


def test_whoever_an_alert_is_made_to_tell_is_reported_what_ends_soon_already(team: Team) -> None:
    services, app = team.services, team.application
    alert(team, "ends", 7 * DAY, 3 * DAY)
    imported(team, "a", 6 * DAY)
    sweep(team)
    names = {row.id: row.slug for row in services.channels.list(app)}
    for channels in (["other"], ["mail", "other"]):
        services.alerts.update_alert(team.admin, app, "ends", channels=channels)
        sweep(team)
    assert [names[row.channel_id] for row in reported(team)] == ["mail", "other"], "and each of them once"
    assert what(team) == [("a", 168)] * 2


def test_a_filter_that_lets_more_through_tells_of_what_ends_soon_already(team: Team) -> None:
    services, app = team.services, team.application
    alert(team, "ends", 7 * DAY, filters=CertificateSelector(names=["b*"]))
    imported(team, "a", 6 * DAY)
    imported(team, "b", 6 * DAY)
    sweep(team)
    assert what(team) == [("b", 168)]
    services.alerts.update_alert(team.admin, app, "ends", filters=CertificateSelector())
    sweep(team)
    assert what(team) == [("b", 168), ("a", 168)]
    services.alerts.update_alert(team.admin, app, "ends", name="Ends")
    assert len(events(team, EXPIRING)) == 4
    sweep(team)
    assert len(events(team, EXPIRING)) == 4, "a new name is nothing to look again for"


def test_a_look_in_the_middle_of_an_import_passes_nothing_by(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite it waits for the import to commit; elsewhere it does not see the certificate yet."""
    alert(team, "ends", 7 * DAY)
    imported(team, "a", 6 * DAY)
    real, looks = imports.catch_up, list[Future[None]]()  # type: ignore[attr-defined]

    def catch_up(uow: UnitOfWork, certificate: Certificate) -> None:
        real(uow, certificate)
        looks.append(pool.submit(sweep, team))
        if not team.services.context.db.is_sqlite:
            looks[-1].result(60)

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(imports, "catch_up", catch_up)
        imported(team, "b", 6 * DAY)
        looks[-1].result(60)
    sweep(team)
    assert sorted(what(team)) == [("a", 168), ("b", 168)]
