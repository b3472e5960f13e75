"""Edge: a destination of certrail."""

from typing import Any

from certrail_sdk import Destination, hookimpl

from certrail_destination_edge.config import EdgeConfig
from certrail_destination_edge.destination import Edge

__all__ = ["Edge", "EdgeConfig"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [Edge]
