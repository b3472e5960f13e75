"""Properties of durations, with Hypothesis: a module of its own, as that takes a second to import."""

from datetime import timedelta

from hypothesis import strategies as st
from tests.support.properties import given

from certrail.domain.durations import LONGEST, parse_duration


@given(st.integers(0, int(LONGEST.total_seconds())))
def test_seconds_are_read_to_the_second(seconds: int) -> None:
    assert parse_duration(f"{seconds}s") == timedelta(seconds=seconds)
