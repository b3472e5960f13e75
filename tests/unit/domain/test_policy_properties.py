"""Properties of policy, with Hypothesis: a module of its own, as that takes a second to import."""

from typing import Any

from hypothesis import strategies as st
from tests.support.properties import given
from tests.unit.domain.test_policy import CANNOT, DAY, broken, evaluated

from certrail.domain.content import (
    EXTENDED_KEY_USAGES,
    POWERFUL_USAGES,
    KeyAlgorithm,
    KeyUsage,
)
from certrail.domain.patterns import like, like_ignoring_case

labels = st.text("abc-0", min_size=1, max_size=5).filter(lambda s: s.strip("-") == s)
hosts = st.lists(labels, min_size=1, max_size=4).map(lambda parts: ".".join([*parts, "example"]))
dns_names = st.tuples(st.sampled_from(["", "*."]), hosts).map("".join)
patterns = st.text("abc-0.*", min_size=1, max_size=10)
texts = st.text("abcABC .", min_size=1, max_size=10).filter(str.strip)
contents = st.fixed_dictionaries(
    {
        "subject": st.dictionaries(st.sampled_from(["common_name", "organization", "locality"]), texts),
        "sans": st.fixed_dictionaries({"dns": st.lists(dns_names, min_size=1, max_size=4)}),
        "key_algorithm": st.sampled_from(list(KeyAlgorithm)),
        "key_usages": st.lists(st.sampled_from(list(KeyUsage)), max_size=3),
        "extended_key_usages": st.lists(
            st.sampled_from(sorted(EXTENDED_KEY_USAGES.keys() - POWERFUL_USAGES)), max_size=3
        ),
        "ttl_seconds": st.integers(1, 365 * DAY),
    }
).map(
    lambda asked: {
        **asked,
        "key_usages": [u for u in asked["key_usages"] if u not in CANNOT[asked["key_algorithm"]]],  # type: ignore[attr-defined, index]
    }
)
"""That a key can be used for what is asked; whether it can is a question of its own."""


@given(contents)
def test_unset_sections_never_violate(content: dict[str, Any]) -> None:
    assert evaluated({}, **content) == []


@given(contents)
def test_empty_sections_refuse_exactly_what_is_offered(content: dict[str, Any]) -> None:
    empty: dict[str, Any] = {
        "subject": {},
        "sans": {},
        "key_usages": {},
        "extended_key_usages": {},
        "key_algorithms": [],
    }
    found = {rule.split(".")[0] for rule in broken(empty, **content)}
    offered = {name for name in empty if content.get(name.replace("algorithms", "algorithm"))}
    assert found == offered


@given(st.lists(dns_names, min_size=1, max_size=4), st.lists(patterns, max_size=3))
def test_a_dns_name_that_fits_no_allowed_pattern_is_always_refused(
    names: list[str], allowed: list[str]
) -> None:
    found = evaluated({"sans": {"dns": {"allowed": allowed}}}, sans={"dns": names})
    expected = {name for name in names if not like_ignoring_case(name, allowed)}
    assert {violation.offered for violation in found} == expected
    assert all(violation.allowed == allowed for violation in found)


@given(texts, st.lists(patterns, max_size=3))
def test_a_subject_value_that_fits_no_allowed_pattern_is_always_refused(
    value: str, allowed: list[str]
) -> None:
    rules = {"subject": {"allowed": {"common_name": allowed}}}
    refused = broken(rules, subject={"common_name": value}) == ["subject.common_name.allowed"]
    assert refused is not like(value.strip(), allowed)


@given(st.lists(dns_names, min_size=1, max_size=4), patterns)
def test_what_is_denied_stays_denied_whatever_is_allowed(names: list[str], pattern: str) -> None:
    alone = evaluated({"sans": {"dns": {"denied": [pattern]}}}, sans={"dns": names})
    beside = evaluated({"sans": {"dns": {"denied": [pattern], "allowed": ["*"]}}}, sans={"dns": names})
    assert [v.offered for v in alone] == [v.offered for v in beside]


@given(contents, st.lists(st.sampled_from(list(KeyAlgorithm)), max_size=4))
def test_a_key_algorithm_is_refused_exactly_when_it_is_not_listed(
    content: dict[str, Any], listed: list[str]
) -> None:
    assert (broken({"key_algorithms": listed}, **content) == []) is (content["key_algorithm"] in listed)


@given(st.integers(1, 400 * DAY), st.integers(1, 400 * DAY))
def test_a_lifetime_is_refused_exactly_when_it_is_too_long_for_rule_or_issuer(ttl: int, longest: int) -> None:
    expected = ["max_ttl"] * (ttl > longest) + ["issuer.not_after"] * (ttl > 365 * DAY)
    assert broken({"max_ttl": f"{longest}s"}, ttl_seconds=ttl) == expected
