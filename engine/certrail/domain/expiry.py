"""Warning thresholds: how long before the end of an authority or of credentials an event warns of it."""

from datetime import timedelta

DAY = 86400
WARNING_THRESHOLDS = tuple(days * DAY for days in (0, 1, 3, 7, 14, 30, 90, 180, 365))
"""Seconds before an end, ascending; each is warned of once."""


def current_threshold(left: timedelta, lifetime: timedelta = timedelta.max) -> int | None:
    """The threshold that was passed last, in seconds; one that is not shorter than the lifetime does not count."""
    passed = (ahead for ahead in WARNING_THRESHOLDS if left <= timedelta(seconds=ahead) < lifetime)
    return next(passed, None)
