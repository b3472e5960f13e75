"""Durations as text with units, as everywhere in certrail."""

import re

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TEXT = re.compile(r"(?:[0-9]{1,6}[wdhms])+")


def parse(text: str) -> float:
    """Seconds of `30s`, `2h` or `1d12h`. Raises ValueError."""
    if not _TEXT.fullmatch(text):
        raise ValueError("write a duration as 30s, 2h or 1d12h")
    return float(sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9]+)([wdhms])", text)))


def shown(seconds: float) -> str:
    """A duration for people, rounded to two units."""
    left, parts = round(seconds), []
    for unit, size in _SECONDS.items():
        if left >= size and unit != "w":
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts[:2]) or "0s"
