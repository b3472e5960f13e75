"""Patterns of policies: ``*`` stands for any text, also none; ``\\*`` for an asterisk itself.

Matching takes time in proportion to the pattern times the text, whatever the pattern.
"""

from collections.abc import Iterable

_ANY = None
Pattern = tuple[str | None, ...]


def like(value: str, patterns: Iterable[str]) -> bool:
    """Whether the whole value fits one of the patterns, letter by letter."""
    return any(_fits(_parse(pattern), value) for pattern in patterns)


def like_ignoring_case(value: str, patterns: Iterable[str]) -> bool:
    """Whether the whole value fits one of the patterns, whatever the case of letters."""
    return like(value.casefold(), (pattern.casefold() for pattern in patterns))


def covers(dns_name: str, patterns: Iterable[str]) -> bool:
    """Whether a DNS name stands for at least one name that fits a pattern.

    A wildcard stands for every label in its place: ``*.example.com`` covers ``admin.example.com``.
    """
    name = dns_name.lower()
    return any(_overlaps(_parse(pattern.lower()), name) for pattern in patterns)


def _parse(pattern: str) -> Pattern:
    parts: list[str | None] = []
    for piece in pattern.replace("\\*", "\0").split("*"):
        parts += [_ANY, *piece.replace("\0", "*")]
    return tuple(parts[1:])


def _fits(pattern: Pattern, text: str) -> bool:
    places = _skipped(pattern, {0})
    for character in text:
        places = _step(pattern, places, character)
    return len(pattern) in places


def _overlaps(pattern: Pattern, name: str) -> bool:
    if not name.startswith("*."):
        return _fits(pattern, name)
    reached: set[int] = set()
    front = _step_any_but_dot(pattern, _skipped(pattern, {0}))
    while not front <= reached:
        reached |= front
        front = _step_any_but_dot(pattern, reached)
    for character in name[1:]:
        reached = _step(pattern, reached, character)
    return len(pattern) in reached


def _step(pattern: Pattern, places: set[int], character: str) -> set[int]:
    ahead = {i + 1 for i in places if i < len(pattern) and pattern[i] == character}
    staying = {i for i in places if i < len(pattern) and pattern[i] is _ANY}
    return _skipped(pattern, ahead | staying)


def _step_any_but_dot(pattern: Pattern, places: set[int]) -> set[int]:
    ahead = {i + 1 for i in places if i < len(pattern) and pattern[i] not in (_ANY, ".")}
    staying = {i for i in places if i < len(pattern) and pattern[i] is _ANY}
    return _skipped(pattern, ahead | staying)


def _skipped(pattern: Pattern, places: set[int]) -> set[int]:
    found = set(places)
    for start in places:
        i = start
        while i < len(pattern) and pattern[i] is _ANY:
            i += 1
            found.add(i)
    return found
