import fnmatch
import re
import time

import pytest
from hypothesis import strategies as st
from tests.support.properties import given

from certrail.domain.patterns import covers, like, like_ignoring_case

TEXTS = st.text("ab.*", max_size=8)


@given(TEXTS, TEXTS)
def test_a_star_stands_for_any_text(pattern: str, text: str) -> None:
    assert like(text, [pattern]) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize("sign", list("?[]().+^$|\\"))
def test_other_signs_stand_for_themselves(sign: str) -> None:
    assert like(f"a{sign}b", [f"a{sign}b"])
    assert not like("aab", [f"a{sign}b"])


def test_an_escaped_star_is_an_asterisk() -> None:
    assert like("*.example.com", [r"\*.example.com"])
    assert not like("www.example.com", [r"\*.example.com"])


def test_case_matters_unless_reported() -> None:
    assert not like("Example", ["exa*"])
    assert like_ignoring_case("Example", ["exA*"])


@given(st.text("ab.", max_size=6).map("*.".__add__), st.text("ab.*", max_size=8))
def test_a_wildcard_covers_a_pattern_exactly_when_a_label_makes_it_fit(name: str, pattern: str) -> None:
    labels = ["".join(p) for n in range(1, 5) for p in _words("abz", n)]
    by_trial = any(like(label + name[1:], [pattern]) for label in labels)
    # Short labels over the alphabet are enough to tell: a pattern of 8 characters has few letters to ask for.
    if by_trial:
        assert covers(name, [pattern])
    elif covers(name, [pattern]):
        assert max(map(len, re.split(r"[*.]", pattern))) > 4 or len(pattern.replace("*", "")) > 4


def _words(letters: str, length: int) -> list[str]:
    return [""] if not length else [w + c for w in _words(letters, length - 1) for c in letters]


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("*.example.com", "admin.example.com", True),
        ("*.example.com", "ADM*.example.com", True),
        ("*.example.com", "*min.ex*.com", True),
        ("*.example.com", "a.admin.example.com", False),
        ("*.x.secret.example.com", "*.secret.example.com", True),
        ("*.example.com", r"\*.*", True),
        ("www.example.com", r"\*.*", False),
        ("www.example.com", "admin.example.com", False),
    ],
)
def test_what_a_wildcard_covers(name: str, pattern: str, expected: bool) -> None:
    assert covers(name, [pattern]) is expected


@given(
    st.text("ab.*", max_size=9),
    st.lists(st.sampled_from("abc."), max_size=5).map("".join),
    st.sampled_from("abc"),
)
def test_a_pattern_that_fits_one_of_its_names_is_covered(pattern: str, rest: str, letter: str) -> None:
    """Every label of up to three letters that makes the pattern fit is found by `covers`."""
    for label in (letter, letter * 2, "ab", "ba", "abc"):
        if like(f"{label}.{rest}", [pattern]):
            assert covers(f"*.{rest}", [pattern])


def test_forty_five_patterns_and_a_hundred_names_take_no_time() -> None:
    """The worst that a rule may hold: with an automaton of sets this took 50 seconds."""
    names = [f"{'a' * 60}.{n}.{'a' * 1800}" for n in range(100)]
    patterns = ["*a" * 1000 + f"*{n}" for n in range(45)]
    began = time.process_time()
    for name in names:
        like_ignoring_case(name, patterns)
        covers(f"*.{name}", patterns)
    assert time.process_time() - began < 5


def test_no_pattern_takes_for_ever() -> None:
    """With backtracking this would not end while the sun shines."""
    assert not like("a" * 253, ["*a" * 100 + "b"])
