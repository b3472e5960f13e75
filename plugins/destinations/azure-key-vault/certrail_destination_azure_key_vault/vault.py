"""One vault through Azure's SDK, blocking: call it in a thread. The SDK's own retries are off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import (
    CertificateClient,
    CertificateContentType,
    CertificatePolicy,
    KeyVaultCertificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12

from certrail_destination_azure_key_vault.config import AzureKeyVaultConfig
from certrail_destination_azure_key_vault.errors import inner_code, told_plainly
from certrail_sdk import Bundle, Permanent


class Vault:
    """The calls that the destination makes."""

    def __init__(self, config: AzureKeyVaultConfig) -> None:
        self._config = config

    def check(self) -> None:
        """List one page."""
        with told_plainly("certificates/list"), self._client() as client:
            next(iter(client.list_properties_of_certificates(max_page_size=1)), None)

    def newest(self, name: str) -> KeyVaultCertificate | None:
        """The newest version of a certificate."""
        with told_plainly("certificates/get"), self._client() as client:
            try:
                return client.get_certificate(name)
            except ResourceNotFoundError:
                return None

    def put(self, name: str, bundle: Bundle, tags: Mapping[str, str]) -> KeyVaultCertificate:
        """Import a new version; a deleted name is recovered first where the configuration says so."""
        kind = (
            CertificateContentType.pem
            if self._config.content_type == "pem"
            else CertificateContentType.pkcs12
        )
        arguments: dict[str, Any] = {
            "policy": CertificatePolicy(issuer_name="Unknown", content_type=kind, exportable=True),
            "tags": dict(tags),
        }
        content = _content(bundle, self._config.content_type)
        with told_plainly("certificates/import"), self._client() as client:
            try:
                return client.import_certificate(name, content, **arguments)
            except ResourceExistsError as error:
                if inner_code(error) != "ObjectIsDeletedButRecoverable":
                    raise
                self._recover(client, name)
                return client.import_certificate(name, content, **arguments)

    def delete(self, name: str) -> None:
        """Soft-delete a certificate with all its versions."""
        with told_plainly("certificates/delete"), self._client() as client:
            client.begin_delete_certificate(name)

    def _recover(self, client: CertificateClient, name: str) -> None:
        if self._config.on_soft_deleted == "explain":
            raise Permanent(
                f"The certificate {name!r} was deleted and can still be recovered, so its name is taken.",
                action="Recover or purge it in the vault, or set on_soft_deleted to recover; then retry.",
            )
        client.begin_recover_deleted_certificate(name)

    @contextmanager
    def _client(self) -> Iterator[CertificateClient]:
        config = self._config
        trust: dict[str, Any] = {"connection_verify": config.ca_file} if config.ca_file else {}
        authority: dict[str, Any] = {}
        if config.authority_host:
            # Discovery would ask Microsoft's cloud about a host that it does not know.
            authority = {"authority": config.authority_host, "disable_instance_discovery": True}
        with (
            ClientSecretCredential(
                config.tenant_id,
                config.client_id,
                config.client_secret.get_secret_value(),
                retry_total=0,
                **authority,
                **trust,
            ) as credential,
            CertificateClient(config.vault_url, credential, retry_total=0, **trust) as client,
        ):
            yield client


def _content(bundle: Bundle, content_type: str) -> bytes:
    if bundle.private_key is None:
        raise Permanent("Key Vault needs the private key, which certrail does not hold for this certificate.")
    pem = bundle.private_key.get_secret_value()
    if content_type == "pem":
        return (pem + bundle.certificate + bundle.chain_pem).encode()
    chain = x509.load_pem_x509_certificates(bundle.chain_pem.encode()) if bundle.chain_pem else None
    leaf = x509.load_pem_x509_certificate(bundle.certificate.encode())
    key = load_pem_private_key(pem.encode(), None)
    return pkcs12.serialize_key_and_certificates(None, key, leaf, chain, NoEncryption())  # type: ignore[arg-type]
