"""What a person fills in to use Azure Key Vault."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from certrail_sdk import Config, Secret, connection_field


def _https(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.username
        or parts.path.strip("/")
        or parts.query
    ):
        raise ValueError("give an https URL of a host, without user, path or query")
    return value.rstrip("/")


def authority_of(url: str) -> tuple[str | None, int]:
    """Host and port, in one spelling."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or 443


HttpsUrl = Annotated[str, AfterValidator(_https)]


class AzureKeyVaultConfig(Config):
    """Which vault, and how to get in."""

    tenant_id: str = connection_field(
        title="Tenant", description="Directory (tenant) id of the application.", pattern=r"^[A-Za-z0-9.-]+$"
    )
    client_id: str = connection_field(title="Client id", description="Application (client) id.", min_length=1)
    client_secret: Secret = connection_field(
        title="Client secret", description="A secret of the application.", min_length=1
    )
    authority_host: HttpsUrl | None = connection_field(
        None, title="Authority", description="Token endpoint of a private cloud; empty: Microsoft Entra ID."
    )
    ca_file: str | None = connection_field(
        None, title="CA file", description="PEM file on the worker with the only CAs to trust."
    )
    vault_url: HttpsUrl = connection_field(
        title="Vault", description="URL such as https://name.vault.azure.net."
    )
    content_type: Literal["pfx", "pem"] = Field(
        "pfx", title="Content type", description="How consumers read the secret: PKCS#12 or PEM."
    )
    on_soft_deleted: Literal["explain", "recover"] = Field(
        "explain",
        title="Deleted names",
        description="What to do when the name was deleted and can be recovered: say so, or recover it.",
    )
