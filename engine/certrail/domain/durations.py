"""Durations, read once at the edge and kept as `timedelta` from there on."""

import re
from datetime import timedelta

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
