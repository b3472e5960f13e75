"""Moments, as they are given from outside."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def in_utc(instant: datetime) -> datetime:
    """The same moment in UTC, as it is stored. Raises ValueError for one that has no date there."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC the moment would be before the year 1 or after the year 9999") from None


Timestamp = Annotated[AwareDatetime, AfterValidator(in_utc)]
