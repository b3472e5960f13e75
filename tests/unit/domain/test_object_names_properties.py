"""Properties of object names, with Hypothesis: a module of its own, as that takes a second to import."""

import re

from hypothesis import strategies as st
from tests.support.properties import given

from certrail.domain.object_names import short_id


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_short_ids_are_distinct_and_have_22_characters(one: int, other: int) -> None:
    first, second = short_id(f"{one:032x}"), short_id(f"{other:032x}")
    assert re.fullmatch(r"[0-9A-Za-z]{22}", first)
    assert (first == second) == (one == other)
