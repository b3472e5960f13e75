"""Properties of renewal, with Hypothesis: a module of its own, as that takes a second to import."""

from datetime import time, timedelta

from hypothesis import strategies as st
from tests.support.properties import given
from tests.unit.domain.test_renewal import DAY, NIGHTS, START, chosen, life

from certrail.domain.renewal import (
    EARLIEST_FRACTION,
    FIRST_SPREAD,
    LATEST_FRACTION,
    SPREAD,
    Freeze,
    RenewalOverride,
    RenewalRule,
    ValidityPeriod,
    next_try,
    plan_renewal,
)
from certrail.domain.windows import Window


@given(
    hours=st.integers(1, 20_000),
    fraction=st.none() | st.floats(0.01, 0.99),
    before=st.none() | st.integers(1, 10**8),
    seed=st.text(),
    in_step=st.booleans(),
)
def test_no_rule_is_too_late_or_renews_for_ever(
    hours: int, fraction: float | None, before: int | None, seed: str, in_step: bool
) -> None:
    rule = RenewalRule(
        fraction=fraction, before=None if fraction or before is None else timedelta(seconds=before)
    )
    lifetime = timedelta(hours=hours)
    at = chosen(rule, lifetime, seed, in_step=in_step)
    earliest = EARLIEST_FRACTION - SPREAD if in_step else EARLIEST_FRACTION * (1 - FIRST_SPREAD)
    assert START + lifetime * earliest - timedelta(seconds=2) <= at
    assert at <= START + lifetime * LATEST_FRACTION
    assert at == chosen(rule, lifetime, seed, in_step=in_step), "the same certificate gets the same moment"


@given(st.text(), st.integers(1, 9))
def test_the_time_of_one_certificate_is_obeyed_to_the_second(seed: str, tenths: int) -> None:
    """Jitter is for fleets: who asks for a time gets that, within the bounds that every time has."""
    fraction = min(max(tenths / 10, EARLIEST_FRACTION), LATEST_FRACTION)
    one = ValidityPeriod(START, START + 90 * DAY, seed)
    plan = plan_renewal(RenewalRule(), one, override=RenewalOverride(fraction=tenths / 10))
    assert plan.at == (START + 90 * DAY * fraction).replace(microsecond=0)
    assert not any("spread" in line for line in plan.inputs)
    before = plan_renewal(RenewalRule(), one, override=RenewalOverride(before=20 * DAY))
    assert before.at == START + 70 * DAY


@given(st.text(), st.integers(5, 90))
def test_nothing_is_renewed_outside_of_windows_or_in_a_freeze(seed: str, days: int) -> None:
    frozen = Freeze(begins=START + days * DAY / 2, ends=START + days * DAY * 0.6, reason="quarter end")
    rule = RenewalRule(windows=(NIGHTS,), freezes=(frozen,))
    at = chosen(rule, days * DAY, seed)
    assert NIGHTS.holds(at)
    assert not frozen.begins <= at < frozen.ends
    if days > 14:
        assert at < START + days * DAY


MINUTES = Window(begins=time(3), ends=time(3, 2))


@given(st.text(), st.timedeltas(timedelta(0), 39 * DAY))
def test_what_was_missed_waits_for_the_next_window_however_short(seed: str, passed: timedelta) -> None:
    """It was down while the window was open, or a try failed: the next moment is an open one, too."""
    now = START + passed
    for window in (NIGHTS, MINUTES):
        rule = RenewalRule(windows=(window,))
        at = plan_renewal(rule, life(seed=seed), now=now).at
        again = next_try(rule, life(seed=seed), now, 1)
        assert at
        assert again
        assert window.holds(at)
        assert window.holds(again)
        assert again > now
        assert at >= now.replace(microsecond=0)
