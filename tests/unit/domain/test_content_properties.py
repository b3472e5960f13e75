"""Properties of content, with Hypothesis: a module of its own, as that takes a second to import."""

from hypothesis import strategies as st
from tests.support.properties import given
from tests.unit.domain.test_content import BASE, content, digested


@given(st.permutations(list(BASE)))
def test_the_digest_does_not_depend_on_the_order_of_fields(order: list[str]) -> None:
    assert digested(content(**{name: BASE[name] for name in order})) == digested(content(**BASE))


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_digests_are_equal_exactly_when_contents_are(one: int, other: int) -> None:
    same = digested(content(ttl_seconds=one)) == digested(content(ttl_seconds=other))
    assert same == (one == other)
