"""Moments, as they are given from outside."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def in_utc(instant: datetime) -> datetime:
    """The same moment in UTC, as it is stored. Raises ValueError for one that has no date there."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC the moment would be before the year 1 or after the year 9999") from None


MARGIN = timedelta(minutes=1)
"""By which what is signed now begins earlier: the clocks of those who verify it may be that much behind."""


def backdated(instant: datetime, lifetime: timedelta) -> datetime:
    """Where a validity period begins that is signed at this moment: `MARGIN` earlier, at most a tenth of its length."""
    return instant - min(MARGIN, timedelta(seconds=lifetime.total_seconds() // 10))


def later(instant: datetime, by: timedelta) -> datetime:
    """The moment so much later, at most the last one that there is.

    Certificates without an end say 99991231235959Z (RFC 5280 section 4.1.2.5): what follows them never comes.
    """
    try:
        return instant + by
    except OverflowError:
        return datetime.max.replace(tzinfo=instant.tzinfo)


Timestamp = Annotated[AwareDatetime, AfterValidator(in_utc)]
