"""Durations, read once at the edge and kept as `timedelta` from there on."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SHORT = re.compile(r"(?:[0-9]+[wdhms])+")
_ISO = re.compile(r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?!$)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?")
_LONGEST_TEXT = 40
LONGEST = timedelta(days=36525)
_TOO_LONG = "the longest duration is a century"


def parse_duration(text: str) -> timedelta:
    """Read ``47d``, ``1d12h``, ``90m`` or ISO 8601's ``PT36H``.

    Raises:
        ValueError: it is none of these, or longer than a century.
    """
    try:
        duration = timedelta(**_amounts(text.strip()))
    except OverflowError:
        duration = timedelta.max
    if duration > LONGEST:
        raise ValueError(_TOO_LONG)
    return duration


def bounded(duration: timedelta) -> timedelta:
    """A duration that was given as a number perhaps. Raises ValueError below nothing and above a century."""
    if duration < timedelta(0):
        raise ValueError("a duration does not go backwards; give none below 0")
    if duration > LONGEST:
        raise ValueError(_TOO_LONG)
    return duration


def positive(duration: timedelta) -> timedelta:
    """A duration that is more than nothing. Raises ValueError."""
    if duration <= timedelta(0):
        raise ValueError("a duration of more than 0 is needed")
    return duration


def _amounts(text: str) -> dict[str, int]:
    amounts: dict[str, int] = {}
    if len(text) <= _LONGEST_TEXT and _SHORT.fullmatch(text):
        for number, unit in re.findall(r"([0-9]+)([wdhms])", text):
            amounts[_UNITS[unit]] = amounts.get(_UNITS[unit], 0) + int(number)
        return amounts
    match = _ISO.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None or not any(match.groups()):
        raise ValueError("write a duration as 36h, 47d, 1d12h or PT36H")
    return {name: int(n) for name, n in zip(_UNITS.values(), match.groups(), strict=True) if n}


def format_duration(duration: timedelta) -> str:
    """The shortest text of one unit that `parse_duration` reads as this duration: ``47d``, ``36h``, ``90m``, ``0s``."""
    seconds = int(duration.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _with_unit(value: Any) -> Any:
    """Text is read; a bare number is refused, because nobody can tell seconds from days."""
    if isinstance(value, str):
        if value.strip().isdecimal():
            raise ValueError(_unit_missing(value.strip()))
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(_unit_missing(value))
    return value


def _unit_missing(number: object) -> str:
    return f"a bare number has no unit; write {number}s for seconds, or a duration such as 36h or 47d"


Span = Annotated[
    timedelta,
    BeforeValidator(_with_unit),
    AfterValidator(bounded),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": "^(?:[0-9]+[wdhms])+$|^P", "examples": ["47d", "36h", "PT90M"]}
    ),
]
"""A duration at the edge, perhaps of nothing: text with a unit in, text of one unit out."""
Duration = Annotated[Span, AfterValidator(positive)]
"""The same, of more than nothing."""
