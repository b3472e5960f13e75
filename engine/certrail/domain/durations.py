"""Durations, read once at the edge and kept as `timedelta` from there on."""

import re
from datetime import timedelta

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SHORT = re.compile(r"(?:\d+[wdhms])+")
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
LONGEST = timedelta(days=36525)


def parse_duration(text: str) -> timedelta:
    """Read ``47d``, ``1d12h``, ``90m`` or ISO 8601's ``PT36H``.

    Raises:
        ValueError: it is none of these, or longer than a century.
    """
    text = text.strip()
    amounts: dict[str, int] = {}
    if len(text) <= 40 and _SHORT.fullmatch(text):
        for number, unit in re.findall(r"(\d+)([wdhms])", text):
            amounts[_UNITS[unit]] = amounts.get(_UNITS[unit], 0) + int(number)
    elif len(text) <= 40 and (match := _ISO.fullmatch(text)) and any(match.groups()):
        amounts = {name: int(n) for name, n in zip(_UNITS.values(), match.groups(), strict=True) if n}
    else:
        raise ValueError("write a duration as 36h, 47d, 1d12h or PT36H")
    try:
        duration = timedelta(**amounts)
    except OverflowError:
        duration = LONGEST * 2
    if duration > LONGEST:
        raise ValueError("the longest duration is a century")
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest exact form, such as ``36h`` or ``47d``."""
    seconds = int(duration.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
