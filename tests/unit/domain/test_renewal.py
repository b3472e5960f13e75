"""When a certificate is renewed, and why then."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from certrail.domain.renewal import (
    EARLIEST_FRACTION,
    LATEST_FRACTION,
    SPREAD,
    Freeze,
    RenewalRule,
    Window,
    plan_renewal,
    wait_after,
)

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)


def chosen(rule: RenewalRule, lifetime: timedelta = 47 * DAY, seed: str = "one") -> datetime:
    return plan_renewal(rule, START, START + lifetime, seed).at


@pytest.mark.parametrize("hours", [1, 36, 6 * 24, 47 * 24, 90 * 24, 398 * 24])
def test_every_lifetime_is_renewed_between_a_half_and_two_thirds(hours: int) -> None:
    lifetime = timedelta(hours=hours)
    passed = (chosen(RenewalRule(), lifetime) - START) / lifetime
    assert 1 / 2 - 0.001 <= passed <= 2 / 3


@given(
    hours=st.integers(1, 20_000),
    fraction=st.none() | st.floats(0.01, 0.99),
    before=st.none() | st.integers(1, 10**8),
    seed=st.text(),
)
def test_no_rule_is_too_late_or_renews_for_ever(
    hours: int, fraction: float | None, before: int | None, seed: str
) -> None:
    rule = RenewalRule(fraction=fraction, before_seconds=None if fraction else before)
    lifetime = timedelta(hours=hours)
    at = chosen(rule, lifetime, seed)
    assert START + lifetime * (EARLIEST_FRACTION - SPREAD) - timedelta(seconds=2) <= at
    assert at <= START + lifetime * LATEST_FRACTION
    assert at == chosen(rule, lifetime, seed), "the same certificate gets the same moment"


def test_a_fleet_that_was_issued_at_once_is_spread() -> None:
    moments = [chosen(RenewalRule(), seed=str(n)) for n in range(20_000)]
    hours = Counter(int((moment - START) / timedelta(hours=1)) for moment in moments)
    assert max(hours.values()) <= 2 * len(moments) / len(hours)
    assert max(moments) - min(moments) > 7 * DAY


def test_the_authoritys_advice_counts_when_it_is_earlier() -> None:
    early = (START + DAY, START + 2 * DAY)
    plan = plan_renewal(RenewalRule(), START, START + 47 * DAY, "one", early)
    assert early[0] <= plan.at <= early[1]
    assert "advises" in " ".join(plan.inputs)
    late = (START + 40 * DAY, START + 41 * DAY)
    assert plan_renewal(RenewalRule(), START, START + 47 * DAY, "one", late).at == chosen(RenewalRule())


NIGHTS = Window(days=("sat", "sun"), begins=time(22), ends=time(4))


@given(st.text(), st.integers(5, 90))
def test_nothing_is_renewed_outside_of_windows_or_in_a_freeze(seed: str, days: int) -> None:
    frozen = Freeze(begins=START + days * DAY / 2, ends=START + days * DAY * 0.6, reason="quarter end")
    rule = RenewalRule(windows=(NIGHTS,), freezes=(frozen,))
    at = chosen(rule, days * DAY, seed)
    if days > 14:
        assert NIGHTS.holds(at)
        assert not frozen.begins <= at < frozen.ends
    assert at < START + days * DAY


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-03-07T22:00", True),
        ("2026-03-08T03:59", True),
        ("2026-03-08T04:00", False),
        ("2026-03-09T03:59", True),
        ("2026-03-09T22:00", False),
        ("2026-03-07T21:59", False),
    ],
)
def test_a_window_that_passes_midnight_ends_on_the_next_day(moment: str, inside: bool) -> None:
    assert NIGHTS.holds(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is inside


def test_a_window_is_in_its_own_time_zone() -> None:
    office = Window(begins=time(9), ends=time(10), zone="Europe/Berlin")
    assert office.holds(datetime(2026, 1, 5, 8, 30, tzinfo=UTC))
    assert office.holds(datetime(2026, 7, 6, 7, 30, tzinfo=UTC))
    assert not office.holds(datetime(2026, 7, 6, 8, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "wrong",
    [
        {"fraction": 0.5, "before_seconds": 60},
        {"fraction": 0},
        {"fraction": 1},
        {"before_seconds": 0},
        {"windows": [{"begins": "09:00", "ends": "10:00", "zone": "Mars/Olympus"}]},
        {"windows": [{"begins": "09:00", "ends": "10:00", "zone": "../../etc/passwd"}]},
        {"windows": [{"days": [], "begins": "09:00", "ends": "10:00"}]},
        {"freezes": [{"begins": "2026-01-02T00:00:00Z", "ends": "2026-01-01T00:00:00Z"}]},
        {"freezes": [{"begins": "2026-01-01T00:00:00", "ends": "2026-01-02T00:00:00"}]},
        {"sometimes": True},
    ],
)
def test_a_rule_that_says_nothing_clear_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RenewalRule.model_validate(wrong)


def test_the_inputs_say_what_led_to_the_moment() -> None:
    rule = RenewalRule(before_seconds=90 * 86400, windows=(NIGHTS,))
    plan = plan_renewal(rule, START, START + 47 * DAY, "one")
    text = "\n".join(plan.inputs)
    assert "valid from 2026-03-02T12:00Z to 2026-04-18T12:00Z" in text
    assert "90.0 days before the end, clamped to 33% of the lifetime" in text
    assert "moved out of a closed time" in text


def test_waiting_after_failures_doubles_up_to_an_hour() -> None:
    minutes = [wait_after(n) / timedelta(minutes=1) for n in (1, 2, 3, 4, 5, 50)]
    assert minutes == [5, 10, 20, 40, 60, 60]
