"""Certificates at Cloudflare's edge."""

from typing import Any

from certrail_destination_cloudflare.config import CloudflareConfig
from certrail_destination_cloudflare.destination import Cloudflare
from certrail_sdk import Destination, hookimpl

__all__ = ["Cloudflare", "CloudflareConfig"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [Cloudflare]
