"""A destination of your own: whatever answers GET, PUT and DELETE."""

from typing import Any

from certrail_destination_http_put.config import HttpPutConfig
from certrail_destination_http_put.destination import HttpPut
from certrail_sdk import Destination, hookimpl

__all__ = ["HttpPut", "HttpPutConfig"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [HttpPut]
