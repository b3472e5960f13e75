"""Certificates in Azure Key Vault."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519

from certrail_destination_azure_key_vault.config import AzureKeyVaultConfig
from certrail_sdk import Deployment, Destination, Observation, Permanent, Plan, Receipt, Removal, Target

if TYPE_CHECKING:
    from azure.keyvault.certificates import KeyVaultCertificate

    from certrail_destination_azure_key_vault.vault import Vault

TAG = "certrail-delivery"


class AzureKeyVault(Destination[AzureKeyVaultConfig]):
    """Imports certificates into a vault; a renewal is a new version of the same name."""

    name = "azure-key-vault"
    title = "Azure Key Vault"
    connection_type = "azure"
    name_pattern: ClassVar[str] = r"[0-9a-zA-Z-]+"
    name_length: ClassVar[int] = 127

    async def check(self) -> None:
        """The vault answers and lets us list."""
        await asyncio.to_thread(lambda: self._vault().check())

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Import a version, unless the newest one is this certificate already."""
        return await asyncio.to_thread(self._deploy, deployment)

    async def observe(self, target: Target) -> Observation:
        """The newest version."""
        found = await asyncio.to_thread(lambda: self._vault().newest(target.name))
        if found is None:
            return Observation(present=False)
        receipt = _receipt(found, changed=False)
        return Observation(
            present=True,
            fingerprint=receipt.fingerprint,
            reference=receipt.reference,
            version=receipt.version,
            ours=_is_ours(found, target),
        )

    async def remove(self, target: Target) -> Removal:
        """Soft-delete the certificate if it is ours."""
        found = await asyncio.to_thread(lambda: self._vault().newest(target.name))
        if found is None:
            return Removal(changed=False)
        _refuse_foreign(found, target)
        await asyncio.to_thread(lambda: self._vault().delete(target.name))
        return Removal(changed=True)

    async def plan(self, deployment: Deployment) -> Plan:
        """What `deploy` would do."""
        found = await asyncio.to_thread(lambda: self._vault().newest(deployment.name))
        if found is None:
            return Plan(action="create")
        same = fingerprint_of(found) == deployment.bundle.fingerprint
        return Plan(action="none" if same else "replace", notes=("as a new version of the same name",))

    def _vault(self) -> "Vault":
        # Azure's SDK takes a second to load, which no process should pay that does not deploy.
        from certrail_destination_azure_key_vault.vault import Vault  # noqa: PLC0415

        return Vault(self.config)

    def _deploy(self, deployment: Deployment) -> Receipt:
        leaf = x509.load_pem_x509_certificate(deployment.bundle.certificate.encode())
        if isinstance(leaf.public_key(), ed25519.Ed25519PublicKey):
            raise Permanent("Key Vault takes RSA and elliptic-curve keys only, not Ed25519.")
        vault = self._vault()
        found = vault.newest(deployment.name)
        if found is not None:
            _refuse_foreign(found, deployment)
            # This also finds what a try left whose answer was lost: importing again would add a version.
            if fingerprint_of(found) == deployment.bundle.fingerprint:
                return _receipt(found, changed=False)
        return _receipt(vault.put(deployment.name, deployment.bundle, _tags(deployment)), changed=True)


def _tags(deployment: Deployment) -> dict[str, str]:
    # An import replaces all tags, so all are sent each time.
    return {
        "certrail-managed": "true",
        TAG: deployment.delivery,
        "certrail-lineage": deployment.lineage,
        "certrail-application": deployment.application,
        "certrail-certificate": deployment.certificate,
    }


def _is_ours(found: "KeyVaultCertificate", target: Target) -> bool:
    tags = (found.properties.tags if found.properties else None) or {}
    return tags.get(TAG) == target.delivery


def _refuse_foreign(found: "KeyVaultCertificate", target: Target) -> None:
    if not _is_ours(found, target):
        raise Permanent(
            f"The vault has a certificate {target.name!r} that was not made by this delivery.",
            action="Remove or rename it, or choose another name schema for the sync; then retry.",
        )


def _receipt(found: "KeyVaultCertificate", *, changed: bool) -> Receipt:
    assert found.id is not None
    reference, _, version = found.id.rpartition("/")
    return Receipt(reference=reference, version=version, fingerprint=fingerprint_of(found), changed=changed)


def fingerprint_of(found: "KeyVaultCertificate") -> str:
    """SHA-256 of the leaf, hex."""
    return x509.load_der_x509_certificate(bytes(found.cer or b"")).fingerprint(hashes.SHA256()).hex()
