import fnmatch
import re

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


def test_no_pattern_takes_for_ever() -> None:
    """With backtracking this would not end while the sun shines."""
    assert not like("a" * 253, ["*a" * 100 + "b"])
