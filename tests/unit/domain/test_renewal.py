"""When a certificate is renewed, and why then."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from pydantic import ValidationError

from certrail.domain.renewal import (
    LAST_CHANCE,
    PERSISTENCE,
    Advice,
    RenewalOverride,
    RenewalRule,
    ValidityPeriod,
    next_try,
    plan_renewal,
    wait_after,
)
from certrail.domain.windows import Window

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
NIGHTS = Window(days=("sat", "sun"), begins=time(22), ends=time(4))


def life(lifetime: timedelta = 47 * DAY, seed: str = "one") -> ValidityPeriod:
    return ValidityPeriod(START, START + lifetime, seed)


def chosen(
    rule: RenewalRule, lifetime: timedelta = 47 * DAY, seed: str = "one", *, in_step: bool = True
) -> datetime:
    at = plan_renewal(rule, life(lifetime, seed), in_step=in_step).at
    assert at is not None
    return at


@pytest.mark.parametrize("hours", [1, 36, 6 * 24, 47 * 24, 90 * 24, 398 * 24])
def test_every_lifetime_is_renewed_between_a_half_and_two_thirds(hours: int) -> None:
    lifetime = timedelta(hours=hours)
    passed = (chosen(RenewalRule(), lifetime) - START) / lifetime
    assert 1 / 2 - 0.001 <= passed <= 2 / 3


@pytest.mark.parametrize("hours", [1, 36, 6 * 24, 47 * 24, 90 * 24, 398 * 24])
@pytest.mark.parametrize("seed", ["one", "two", "three", "four"])
def test_one_that_may_belong_to_a_fleet_is_renewed_between_a_sixth_and_two_thirds(
    hours: int, seed: str
) -> None:
    lifetime = timedelta(hours=hours)
    passed = (chosen(RenewalRule(), lifetime, seed, in_step=False) - START) / lifetime
    assert 1 / 6 - 0.001 <= passed <= 2 / 3


def test_a_fleet_that_was_issued_at_once_is_spread() -> None:
    instants = [chosen(RenewalRule(), seed=str(n)) for n in range(4_000)]
    hours = Counter(int((instant - START) / timedelta(hours=1)) for instant in instants)
    assert max(hours.values()) <= 2 * len(instants) / len(hours)
    assert max(instants) - min(instants) > 7 * DAY


def test_the_authoritys_advice_counts_when_it_is_earlier() -> None:
    early = Advice(begins=START + DAY, ends=START + 2 * DAY, explanation="https://ca.example.com/why")
    plan = plan_renewal(RenewalRule(), life(), advice=early, in_step=True)
    assert plan.at
    assert early.begins <= plan.at <= early.ends
    assert "advises" in " ".join(plan.inputs)
    assert early.explanation in " ".join(plan.inputs)
    late = Advice(begins=START + 40 * DAY, ends=START + 41 * DAY)
    assert plan_renewal(RenewalRule(), life(), advice=late, in_step=True).at == chosen(RenewalRule())


def test_what_was_said_for_a_certificate_alone_takes_the_place_of_the_rules_instant() -> None:
    rule = RenewalRule(fraction=0.5, windows=(NIGHTS,))
    own = plan_renewal(rule, life(), override=RenewalOverride(before=timedelta(days=10)), in_step=True)
    assert own.at
    assert own.at > chosen(rule)
    assert NIGHTS.holds(own.at)
    assert "10.0 days before the end: 2026-04-08T12:00Z, as was said for this certificate" in own.inputs


def test_there_is_a_try_right_before_the_end_and_others_for_a_month_after_it() -> None:
    short = life(timedelta(hours=36))
    near = short.not_after - timedelta(minutes=59)
    assert next_try(RenewalRule(), short, near, 9) == short.not_after - LAST_CHANCE
    assert next_try(RenewalRule(), short, short.not_after, 9) == short.not_after + wait_after(9)
    assert next_try(RenewalRule(), short, short.not_after + PERSISTENCE, 9) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"fraction": 0.5, "before": "60s"},
        {"fraction": 0},
        {"fraction": 1},
        {"before": "0s"},
        {"before": 10**15},
        {"windows": [{"begins": "09:00Z", "ends": "10:00Z", "zone": "Europe/Berlin"}]},
        {"windows": [{"begins": "09:00", "ends": "10:00", "zone": "Mars/Olympus"}]},
        {"windows": [{"begins": "09:00", "ends": "10:00", "zone": "../../etc/passwd"}]},
        {"windows": [{"begins": "09:00Z", "ends": "10:00"}]},
        {"windows": [{"begins": "09:00", "ends": "10:00+02:00"}]},
        {"windows": [{"begins": 32400, "ends": 36000}]},
        {"windows": [{"days": [], "begins": "09:00", "ends": "10:00"}]},
        {"freezes": [{"begins": "2026-01-02T00:00:00Z", "ends": "2026-01-01T00:00:00Z"}]},
        {"freezes": [{"begins": "2026-01-01T00:00:00", "ends": "2026-01-02T00:00:00"}]},
        {"sometimes": True},
    ],
)
def test_a_rule_that_says_nothing_clear_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RenewalRule.model_validate(wrong)


def test_the_inputs_say_what_led_to_the_instant() -> None:
    rule = RenewalRule(before=timedelta(days=90), windows=(NIGHTS,))
    plan = plan_renewal(rule, life())
    text = "\n".join(plan.inputs)
    assert "valid from 2026-03-02T12:00Z to 2026-04-18T12:00Z" in text
    assert "90.0 days before the end, clamped to 33% of the lifetime" in text
    assert "moved out of a closed time" in text


def test_waiting_after_failures_doubles_up_to_an_hour() -> None:
    minutes = [wait_after(n) / timedelta(minutes=1) for n in (1, 2, 3, 4, 5, 50)]
    assert minutes == [5, 10, 20, 40, 60, 60]
