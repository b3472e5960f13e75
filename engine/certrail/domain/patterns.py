"""Patterns of policies and selectors: ``*`` stands for any text, also none; ``\\*`` for an asterisk itself.

The pieces between asterisks are searched from left to right, each at the first place behind the one before it. For a
pattern of this kind that is enough: no match is lost, nothing is tried twice, and the time is linear in the text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

MOST_CACHED = 4096
MOST_ASTERISKS = 8
"""In one pattern. Each costs a search through the text, and none that is in use has more than three."""


@dataclass(frozen=True)
class Pattern:
    """A pattern in pieces: `first` begins the text, `last` ends it, those in the `middle` follow in order.

    Attributes:
        last: ``None`` without an asterisk: then `first` is the whole text.
    """

    first: str
    middle: tuple[str, ...]
    last: str | None

    @cached_property
    def longest(self) -> str:
        """The longest piece: a text in which it is not does not fit."""
        return max((self.first, *self.middle, self.last or ""), key=len)

    def fits(self, text: str) -> bool:
        """Whether the whole text fits."""
        if self.last is None:
            return text == self.first
        start, end = len(self.first), len(text) - len(self.last)
        if start > end or not text.startswith(self.first) or not text.endswith(self.last):
            return False
        for piece in self.middle:
            found = text.find(piece, start, end)
            if found < 0:
                return False
            start = found + len(piece)
        return True

    def behind(self, piece: int) -> "Pattern":
        """The pattern from the asterisk behind a piece on, which is the first piece or one of the middle."""
        return Pattern("", self.middle[piece:], self.last)


class FoldedTexts:
    """Texts that many patterns are compared with, whatever the case of letters."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._each = [text.casefold() for text in texts]
        # One search through all texts spares most patterns a look at each of them.
        self._all = "\n".join(self._each)

    def fit_any(self, patterns: Sequence[str]) -> bool:
        """Whether one of the texts fits one of the patterns, which are parsed once."""
        return any(
            pattern.longest in self._all and any(pattern.fits(text) for text in self._each)
            for pattern in _folded(tuple(patterns))
        )


def with_few_asterisks(pattern: str) -> str:
    """The same pattern. Raises ValueError when it has more than `MOST_ASTERISKS` that stand for any text."""
    count = pattern.replace("\\*", "").count("*")
    if count > MOST_ASTERISKS:
        raise ValueError(f"a pattern has at most {MOST_ASTERISKS} asterisks; this one has {count}")
    return pattern


def like(value: str, patterns: Iterable[str]) -> bool:
    """Whether the whole value fits one of the patterns, letter by letter."""
    return any(_parsed(pattern).fits(value) for pattern in patterns)


def like_ignoring_case(value: str, patterns: Iterable[str]) -> bool:
    """Whether the whole value fits one of the patterns, whatever the case of letters."""
    return like(value.casefold(), (pattern.casefold() for pattern in patterns))


def covers(dns_name: str, patterns: Iterable[str]) -> bool:
    """Whether a DNS name stands for at least one name that fits a pattern.

    A wildcard stands for every label in its place: ``*.example.com`` covers ``admin.example.com``.
    """
    name = dns_name.lower()
    parsed = (_parsed(pattern.lower()) for pattern in patterns)
    if not name.startswith("*."):
        return any(pattern.fits(name) for pattern in parsed)
    return any(_label_fits(pattern, name[1:]) for pattern in parsed)


def _label_fits(pattern: Pattern, rest: str) -> bool:
    """Whether some label, of at least one letter and without a dot, makes the pattern fit label + `rest`.

    The label takes the pieces of the pattern up to the first dot. What is left begins with an asterisk, and then the
    last one of the label's part allows most; or with that dot.
    """
    pieces = [pattern.first, *pattern.middle]
    dotted = next((n for n, piece in enumerate(pieces) if "." in piece), len(pieces))
    if pattern.last is None:
        label, dot, behind = pattern.first.partition(".")
        return bool(label and dot) and rest == dot + behind
    if dotted > 0 and pattern.behind(dotted - 1).fits(rest):
        return True
    return _dot_fits(pattern, pieces, dotted, rest)


def _dot_fits(pattern: Pattern, pieces: list[str], dotted: int, rest: str) -> bool:
    """The other end of the label: within the first piece that has a dot, or within the last one."""
    assert pattern.last is not None
    if dotted < len(pieces):
        label, _, behind = pieces[dotted].partition(".")
        # An asterisk before it can be any letter; without one the piece has to bring a letter itself.
        if dotted == 0 and not label:
            return False
        return Pattern("." + behind, tuple(pieces[dotted + 1 :]), pattern.last).fits(rest)
    _, dot, behind = pattern.last.partition(".")
    return bool(dot) and rest == dot + behind


@lru_cache(maxsize=MOST_CACHED)
def _folded(patterns: tuple[str, ...]) -> tuple[Pattern, ...]:
    return tuple(_parsed(pattern.casefold()) for pattern in patterns)


@lru_cache(maxsize=MOST_CACHED)
def _parsed(pattern: str) -> Pattern:
    first, *others = (piece.replace("\0", "*") for piece in pattern.replace("\\*", "\0").split("*"))
    if not others:
        return Pattern(first, (), None)
    return Pattern(first, tuple(piece for piece in others[:-1] if piece), others[-1])
