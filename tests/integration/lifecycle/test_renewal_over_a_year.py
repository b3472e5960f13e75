"""A year of a fleet with lifetimes from 36 hours to 90 days, in which the clock is moved from one event to the next."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from random import Random

import pytest
from sqlmodel import col, func, select
from tests.integration.conftest import Team

from certrail.domain.renewal import RenewalRule, ValidityPeriod, plan_renewal
from certrail.persistence.tables import AlertCursor, Certificate, EventRow, Lineage, NotificationRow

pytestmark = pytest.mark.endurance

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEAR = 365 * DAY
FLEET = {36 * HOUR: 1, 6 * DAY: 2, 47 * DAY: 7, 90 * DAY: 8}
THRESHOLD = 21 * DAY
"""Longer than what is left of a 47-day certificate when it is renewed, shorter than that of a 90-day one."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_certificate_ends_and_every_expected_word_is_said_once(team: Team) -> None:
    services, clock = team.services, team.clock
    _channel_and_alert(team)
    lifetimes = {_issue(team, n, life): life for n, life in enumerate(_lives())}
    began = clock.now
    while clock.now < began + YEAR:
        for sweep in ("renewals", "expiry"):
            while services.sweeps[sweep]():
                pass
        with services.context.db.read() as session:
            soonest = session.exec(select(func.min(Lineage.renew_at))).one()
            assert not session.exec(select(Lineage).where(col(Lineage.renewal_wait).is_not(None))).first()
            present = session.exec(select(Certificate).where(Certificate.status == "active")).all()
        assert all(row.not_after > clock.now for row in present), "nothing ends"
        assert len(present) == len(lifetimes)
        instants = [soonest, *(row.not_after - THRESHOLD for row in present)]
        clock.now = min(instant for instant in instants if instant > clock.now)  # type: ignore[assignment, operator, type-var]
        _let_cursors_look(team)

    with services.context.db.read() as session:
        rows = session.exec(select(Certificate)).all()
        words = session.exec(select(EventRow).where(EventRow.type == "certificate.expiring")).all()
        failed = session.exec(select(EventRow).where(EventRow.type == "certificate.renewal_failed")).all()
        sent = session.exec(select(NotificationRow)).all()
    chains: dict[str, list[Certificate]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.not_before):
        chains[row.lineage_id].append(row)
        assert row.not_after - row.not_before == lifetimes[row.lineage_id], "validity never shrinks"
    assert not failed
    for chain in chains.values():
        for generation, (before, after) in enumerate(pairwise(chain)):
            passed = (after.not_before - before.not_before) / (before.not_after - before.not_before)
            assert (1 / 2 if generation else 1 / 6) - 0.001 <= passed <= 2 / 3 + 0.001
    expected = {
        before.id
        for chain in chains.values()
        for before, after in zip(chain, [*chain[1:], None], strict=True)
        if before.not_after - before.not_before > THRESHOLD
        and before.not_after - THRESHOLD < (after.not_before if after else clock.now)
    }
    assert Counter(word.subject_id for word in words) == Counter(expected)
    assert len(sent) == len(words) > 5


MIXED = {36 * HOUR: 200, 6 * DAY: 500, 47 * DAY: 14_300, 90 * DAY: 5_000}
ALIKE = {47 * DAY: 20_000}


@pytest.mark.parametrize("at_once", [False, True], ids=["in the middle of their lives", "issued at once"])
def test_a_large_fleet_is_renewed_evenly(at_once: bool) -> None:
    """The busiest hour of 20,000 certificates has at most twice the mean, however they began."""
    counts = _renewals(MIXED, 120 * DAY, HOUR, at_once=at_once)
    mean = sum(counts) / len(counts)
    assert max(counts) <= 2 * mean, (max(counts), mean)


def test_a_fleet_that_is_all_alike_and_was_issued_at_once_makes_no_wave() -> None:
    """By days: of so few in an hour, chance alone makes some hours half as busy again."""
    counts = _renewals(ALIKE, 100 * DAY, DAY, at_once=True)
    mean = sum(counts) / len(counts)
    assert max(counts) <= 1.5 * mean, (max(counts), mean)


def _renewals(
    fleet: dict[timedelta, int], watched: timedelta, span: timedelta, *, at_once: bool
) -> list[int]:
    """How many fall into each span of time, none of them unsafely late."""
    start, random, rule = datetime(2026, 1, 1, tzinfo=UTC), Random(7), RenewalRule()
    found: Counter[int] = Counter()
    for number, length in enumerate(length for length, many in fleet.items() for _ in range(many)):
        issued = start if at_once else start - length * random.random() / 2
        for generation in count():
            life = ValidityPeriod(issued, issued + length, f"{number}-{generation}")
            at = plan_renewal(rule, life, in_step=generation > 0 or not at_once).at
            assert at is not None
            assert at <= life.safe, "validity never lapses"
            issued = at
            if issued >= start + watched:
                break
            found[int((issued - start) / span)] += 1
    return [found[place] for place in range(int(watched / span))]


def _lives() -> list[timedelta]:
    return [life for life, many in FLEET.items() for _ in range(many)]


def _issue(team: Team, number: int, life: timedelta) -> str:
    content = {"sans": {"dns": [f"n{number}.example.com"]}, "ttl_seconds": int(life.total_seconds())}
    row = team.services.requests.submit(team.admin, team.application, profile="web", content=content)
    assert team.services.issuance.advance(row.id).status == "issued"
    return team.services.inventory.get(team.services.requests.get(row.id).certificate_id or "").lineage_id


def _channel_and_alert(team: Team) -> None:
    mail = {"host": "mail.example.com", "port": 587}
    team.services.connections.create(team.admin, slug="smtp", name="SMTP", type_="smtp", config=mail)
    team.services.channels.create(
        team.admin,
        team.application,
        slug="mail",
        name="Mail",
        notifier="email",
        connection="smtp",
        config={"sender": "certrail@example.com", "recipients": ["ops@example.com"]},
    )
    team.services.alerts.create_alert(
        team.admin,
        team.application,
        slug="ends",
        name="Ends",
        events=["certificate.expiring", "certificate.renewal_failed"],
        channels=["mail"],
        thresholds=[THRESHOLD],
    )


def _let_cursors_look(team: Team) -> None:
    """Time was skipped, so every cursor looks now: it would have in between, too."""
    with team.services.context.db.write() as session:
        for cursor in session.exec(select(AlertCursor).where(col(AlertCursor.next_scan_at) > team.clock.now)):
            cursor.next_scan_at = team.clock.now
            session.add(cursor)
