import time

import pytest

from certrail.domain.patterns import covers, like, like_ignoring_case


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
