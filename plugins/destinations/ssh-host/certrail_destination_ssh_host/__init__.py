"""Certificates on hosts that are reached by SSH."""

from typing import Any

from certrail_destination_ssh_host.config import SshHostConfig
from certrail_destination_ssh_host.destination import SshHost
from certrail_sdk import Destination, hookimpl

__all__ = ["SshHost", "SshHostConfig"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [SshHost]
