"""The destination `azure-key-vault`."""

from certrail_destination_azure_key_vault.config import AzureKeyVaultConfig
from certrail_destination_azure_key_vault.destination import AzureKeyVault
from certrail_sdk import hookimpl

__all__ = ["AzureKeyVault", "AzureKeyVaultConfig", "certrail_destinations"]


@hookimpl
def certrail_destinations() -> list[type[AzureKeyVault]]:
    """The one class of this plugin."""
    return [AzureKeyVault]
