"""Certificates in the KV engine, version 2, of OpenBao or HashiCorp Vault."""

from typing import Any

from certrail_destination_vault_kv.config import VaultKvConfig
from certrail_destination_vault_kv.destination import VaultKv
from certrail_sdk import Destination, hookimpl

__all__ = ["VaultKv", "VaultKvConfig"]


@hookimpl
def certrail_destinations() -> list[type[Destination[Any]]]:
    """The destinations of this distribution."""
    return [VaultKv]
