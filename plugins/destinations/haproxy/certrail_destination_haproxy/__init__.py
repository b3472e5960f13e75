"""Certificates in a running HAProxy."""

from typing import Any

from certrail_destination_haproxy.config import HaproxyConfig
from certrail_destination_haproxy.destination import Haproxy
from certrail_sdk import Destination, hookimpl

__all__ = ["Haproxy", "HaproxyConfig"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [Haproxy]
