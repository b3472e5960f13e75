"""One vault through Azure's SDK, for one verb, each call in a thread. The SDK's own retries are off."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import (
    CertificateClient,
    CertificateContentType,
    CertificatePolicy,
    DeletedCertificate,
    KeyVaultCertificate,
)

from certrail_destination_azure_key_vault.config import AzureKeyVaultConfig
from certrail_destination_azure_key_vault.errors import SETTLES_IN, refuse_busy, translated_errors
from certrail_sdk import Retryable, settled

CONNECT_SECONDS, READ_SECONDS = 5, 15
"""Together well below what the engine grants a try that is no longer wanted. The SDK alone would wait for
five minutes, and could then write an older certificate after the newer one."""

P = ParamSpec("P")
T = TypeVar("T")


class Vault:
    """The calls that the destination makes. Close it after the verb."""

    def __init__(self, config: AzureKeyVaultConfig) -> None:
        terms: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
        }
        if config.ca_file:
            terms["connection_verify"] = config.ca_file
        authority: dict[str, Any] = {}
        if config.authority_host:
            # Discovery would ask Microsoft's cloud about a host that it does not know.
            authority = {"authority": config.authority_host, "disable_instance_discovery": True}
        secret = config.client_secret.get_secret_value()
        self._credential = ClientSecretCredential(
            config.tenant_id, config.client_id, secret, raw_response_hook=refuse_busy, **terms, **authority
        )
        self._client = CertificateClient(config.vault_url, self._credential, **terms)
        pem = config.content_type == "pem"
        self._policy = CertificatePolicy(
            issuer_name="Unknown",
            content_type=CertificateContentType.pem if pem else CertificateContentType.pkcs12,
            exportable=True,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
        self._credential.close()

    async def check(self) -> None:
        """List one page."""

        def first() -> None:
            next(iter(self._client.list_properties_of_certificates(max_page_size=1)), None)

        await asyncio.to_thread(_called, "list", first)

    async def newest(self, name: str) -> KeyVaultCertificate | None:
        """The newest version of a certificate."""
        return await asyncio.to_thread(_called, "get", _found, self._client.get_certificate, name)

    async def deleted(self, name: str) -> DeletedCertificate | None:
        """A certificate that was deleted and can be recovered."""
        return await asyncio.to_thread(_called, "get", _found, self._client.get_deleted_certificate, name)

    async def put(self, name: str, data: bytes, tags: Mapping[str, str]) -> KeyVaultCertificate:
        """Import a new version."""
        imports = self._client.import_certificate
        call = asyncio.to_thread(_called, "import", imports, name, data, policy=self._policy, tags=dict(tags))
        return await settled(call)

    async def recover(self, name: str) -> KeyVaultCertificate:
        """Bring a deleted certificate back, with all its versions.

        Raises:
            Retryable: Key Vault has begun and is not done yet.
        """
        begin = self._client.begin_recover_deleted_certificate
        await settled(asyncio.to_thread(_called, "recover", begin, name))
        found = await self.newest(name)
        if found is None:
            raise Retryable(f"The certificate {name!r} is being recovered.", retry_after=SETTLES_IN)
        return found

    async def delete(self, name: str) -> bool:
        """Soft-delete a certificate with all its versions; ``False`` if there is none."""
        begin = self._client.begin_delete_certificate
        return await settled(asyncio.to_thread(_called, "delete", _found, begin, name)) is not None


def _called(right: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    with translated_errors(f"certificates/{right}"):
        return call(*args, **kwargs)


def _found(call: Callable[[str], T], name: str) -> T | None:
    try:
        return call(name)
    except ResourceNotFoundError:
        return None
