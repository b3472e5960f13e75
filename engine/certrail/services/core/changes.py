"""Partial updates (RFC 7396): what is not given is kept, and ``None`` is a value like any other."""

from enum import Enum
from typing import Final


class Unchanged(Enum):
    """Type of `UNCHANGED`."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
"""Default of the parameters of an update: the value is kept."""
