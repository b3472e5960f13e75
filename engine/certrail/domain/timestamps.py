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


def later(instant: datetime, by: timedelta) -> datetime:
    """The moment so much later, at most the last one that there is.

    Certificates without an end say 99991231235959Z (RFC 5280 section 4.1.2.5): what follows them never comes.
    """
    try:
        return instant + by
    except OverflowError:
        return datetime.max.replace(tzinfo=instant.tzinfo)


Timestamp = Annotated[AwareDatetime, AfterValidator(in_utc)]
