"""Certificates in client SSL profiles of an F5 BIG-IP."""

from typing import Any

from certrail_destination_f5_bigip.config import F5Config
from certrail_destination_f5_bigip.destination import F5BigIp
from certrail_sdk import Destination, hookimpl

__all__ = ["F5BigIp", "F5Config"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [F5BigIp]
