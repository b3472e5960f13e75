"""Certificates in Azure Key Vault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certrail_destination_azure_key_vault.config import AzureKeyVaultConfig, authority_of
from certrail_destination_azure_key_vault.content import Content
from certrail_sdk import (
    Deployment,
    Destination,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
)

if TYPE_CHECKING:
    from azure.keyvault.certificates import DeletedCertificate, KeyVaultCertificate

    from certrail_destination_azure_key_vault.vault import Vault

TAG, CONTENT_TAG = "certrail-delivery", "certrail-content"


class AzureKeyVault(Destination[AzureKeyVaultConfig]):
    """Imports certificates into a vault; a renewal is a new version of the same name."""

    name = "azure-key-vault"
    title = "Azure Key Vault"
    connection_type = "azure"
    name_pattern: ClassVar[str] = r"[0-9a-zA-Z-]+"
    name_length: ClassVar[int] = 127

    async def check(self) -> None:
        """The vault answers and lets us list."""
        async with self._vault() as vault:
            await vault.check()

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Import a version, unless the newest one is this certificate already."""
        desired = await self._content(deployment)
        async with self._vault() as vault:
            found = await vault.newest(deployment.name)
            recovers = found is None and await self._may_recover(vault, deployment)
            if recovers:
                found = await vault.recover(deployment.name)
            if found is not None:
                _refuse_foreign(found, deployment)
                # This also finds what a try left whose answer was lost: importing again would add a version.
                if _holds(found, desired):
                    return _receipt(found, changed=recovers)
            return _receipt(
                await vault.put(deployment.name, desired.data, _tags(deployment, desired)), changed=True
            )

    async def observe(self, target: Target) -> Observation:
        """The newest version."""
        if self._is_elsewhere(target):
            return Observation(present=False)
        async with self._vault() as vault:
            found = await vault.newest(target.name)
        if found is None or not _is_ours(found, target):
            return Observation(present=False)
        receipt = _receipt(found, changed=False)
        return Observation(
            present=True,
            fingerprint=receipt.fingerprint,
            reference=receipt.reference,
            version=receipt.version,
        )

    async def remove(self, target: Target) -> Removal:
        """Soft-delete the certificate if it is ours."""
        if target.receipt and self._is_elsewhere(target):
            raise Permanent(
                f"{target.receipt.reference} is not in the vault {self.config.vault_url}.",
                action="Delete it in its own vault by hand.",
            )
        async with self._vault() as vault:
            found = await vault.newest(target.name)
            if found is None:
                return Removal(changed=False)
            _refuse_foreign(found, target)
            return Removal(changed=await vault.delete(target.name))

    @asynccontextmanager
    async def _vault(self) -> AsyncIterator["Vault"]:
        vault = await asyncio.to_thread(_opened, self.config)
        try:
            yield vault
        finally:
            vault.close()

    async def _content(self, deployment: Deployment) -> Content:
        return await asyncio.to_thread(Content.of, deployment.bundle, self.config.content_type)

    async def _may_recover(self, vault: "Vault", target: Target) -> bool:
        """Whether the name is taken by a deleted certificate, which can be recovered.

        Raises:
            Permanent: it is not ours, or the configuration has a person decide.
        """
        deleted = await vault.deleted(target.name)
        if deleted is None:
            return False
        if not _is_ours(deleted, target):
            raise Permanent(
                f"The vault has a deleted certificate {target.name!r} that was not made by this delivery.",
                action="Purge it, or choose another name schema for the sync; then retry.",
            )
        if self.config.on_soft_deleted == "explain":
            raise Permanent(
                f"The certificate {target.name!r} was deleted and can still be recovered, so its name is taken.",
                action="Recover or purge it in the vault, or set on_soft_deleted to recover; then retry.",
            )
        return True

    def _is_elsewhere(self, target: Target) -> bool:
        """Whether the receipt is of another vault, where the name may well stand for another object."""
        known = target.receipt
        return known is not None and authority_of(known.reference) != authority_of(self.config.vault_url)


def _opened(config: AzureKeyVaultConfig) -> "Vault":
    # Azure's SDK takes a second to load, which no process should pay that does not deploy.
    from certrail_destination_azure_key_vault.vault import Vault  # noqa: PLC0415

    return Vault(config)


def _tags(deployment: Deployment, desired: Content) -> dict[str, str]:
    # An import replaces all tags, so all are sent each time.
    return {
        "certrail-managed": "true",
        TAG: deployment.delivery,
        CONTENT_TAG: desired.mark,
        "certrail-lineage": deployment.lineage,
        "certrail-application": deployment.application,
        "certrail-certificate": deployment.certificate,
    }


def _tag(found: "KeyVaultCertificate | DeletedCertificate", tag: str) -> str | None:
    return ((found.properties.tags if found.properties else None) or {}).get(tag)


def _is_ours(found: "KeyVaultCertificate | DeletedCertificate", target: Target) -> bool:
    return _tag(found, TAG) == target.delivery


def _holds(found: "KeyVaultCertificate", desired: Content) -> bool:
    return _fingerprint_of(found) == desired.fingerprint and _tag(found, CONTENT_TAG) == desired.mark


def _refuse_foreign(found: "KeyVaultCertificate", target: Target) -> None:
    if not _is_ours(found, target):
        raise Permanent(
            f"The vault has a certificate {target.name!r} that was not made by this delivery.",
            action="Remove or rename it, or choose another name schema for the sync; then retry.",
        )


def _receipt(found: "KeyVaultCertificate", *, changed: bool) -> Receipt:
    assert found.id is not None
    reference, _, version = found.id.rpartition("/")
    return Receipt(reference=reference, version=version, fingerprint=_fingerprint_of(found), changed=changed)


def _fingerprint_of(found: "KeyVaultCertificate") -> str:
    """SHA-256 of the leaf, hex."""
    return x509.load_der_x509_certificate(bytes(found.cer or b"")).fingerprint(hashes.SHA256()).hex()
