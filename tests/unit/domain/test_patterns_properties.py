"""Properties of patterns, with Hypothesis: a module of its own, as that takes a second to import."""

import fnmatch
import re

from hypothesis import strategies as st
from tests.support.properties import given

from certrail.domain.patterns import covers, like

TEXTS = st.text("ab.*", max_size=8)


@given(TEXTS, TEXTS)
def test_a_star_stands_for_any_text(pattern: str, text: str) -> None:
    assert like(text, [pattern]) == fnmatch.fnmatchcase(text, pattern)


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
