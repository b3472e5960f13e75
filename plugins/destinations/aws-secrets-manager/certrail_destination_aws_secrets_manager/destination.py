"""One secret per certificate; a renewal is a new version of it, to which AWSCURRENT moves."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from certrail_aws import AwsClient, delivery_of, tags_of
from certrail_aws.client import GONE
from certrail_destination_aws_secrets_manager.config import AwsSecretsManagerConfig
from certrail_sdk import (
    Deployment,
    Destination,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Retryable,
    Target,
    pem,
)

DELETED = frozenset({"InvalidRequestException"})
"""The answer to making a secret whose name is that of one that is being deleted (API reference, CreateSecret)."""
LARGEST = 65536
"""Bytes that a secret may have (API reference, CreateSecret)."""


@dataclass(frozen=True)
class Found:
    """A secret as DescribeSecret shows it, with the value of the version that is current."""

    arn: str
    delivery: str | None
    deleted: bool
    version: str = ""
    value: str = ""


class AwsSecretsManager(Destination[AwsSecretsManagerConfig]):
    """AWS Secrets Manager: a JSON document with certificate, chain and key, under the same ARN over renewals."""

    name = "aws-secrets-manager"
    title = "AWS Secrets Manager"
    connection_type = "aws"
    name_pattern = r"[A-Za-z0-9/_+=.@-]+"
    name_length = 255

    async def check(self) -> None:
        """Describe a secret that need not be there: credentials, region and endpoint are right."""
        await self._client().find("DescribeSecret", SecretId=self._name("certrail-check"))

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Make the secret or add a version, unless the current one says the same."""
        client, value = self._client(), _document(deployment, self.title)
        found = await self._found(client, deployment)
        restored = False
        if found is not None and found.deleted:
            found, restored = await self._restored(client, found, deployment), True
        if found is not None and found.value == value:
            return self._receipt(deployment, found.arn, found.version, changed=restored)
        # The same after a lost answer: Secrets Manager then makes no second version of it.
        token = sha256(f"{found.version if found else ''}\n{value}".encode()).hexdigest()
        if found is None:
            answer = await self._create(client, deployment, value, token)
        else:
            put = {"SecretId": found.arn, "SecretString": value, "ClientRequestToken": token}
            answer = await client.write("PutSecretValue", **put) or {}
        return self._receipt(deployment, answer["ARN"], answer["VersionId"], changed=True)

    async def observe(self, target: Target) -> Observation:
        """Read the current version back."""
        if self._is_elsewhere(target):
            return Observation(present=False)
        found = await self._found(self._client(), target, others=True)
        if found is None or found.deleted or found.delivery != target.delivery:
            return Observation(present=False)
        fingerprint, fits = _read(found.value)
        return Observation(
            present=True,
            fingerprint=fingerprint,
            reference=found.arn,
            version=found.version,
            key_matches=fits,
        )

    async def remove(self, target: Target) -> Removal:
        """Schedule the deletion of the secret; within the recovery window it can be restored."""
        if self._is_elsewhere(target):
            raise Permanent(
                f"{target.receipt.reference if target.receipt else ''} is not in {self.config.region}, where the "
                "connection leads by now.",
                action="Delete it there by hand, then retry.",
            )
        client = self._client()
        found = await self._found(client, target)
        if found is None or found.deleted:
            return Removal(changed=False)
        days = self.config.recovery_days
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        answer = await client.write("DeleteSecret", unless=GONE, SecretId=found.arn, **how)
        if answer is None:
            return Removal(changed=False)
        return Removal(
            changed=True, details={"deleted_on": answer["DeletionDate"].isoformat()} if days else {}
        )

    def _client(self) -> AwsClient:
        return AwsClient(self.config, "secretsmanager", self.config.secrets_manager_endpoint_url)

    def _name(self, name: str) -> str:
        return "/".join(filter(None, (self.config.path, name)))

    def _is_elsewhere(self, target: Target) -> bool:
        """Whether the receipt names a secret of another region or another name than the configuration by now."""
        if target.receipt is None:
            return False
        region, name = (target.receipt.reference.split(":", 6) + [""] * 7)[3:7:3]
        return region != self.config.region or name.rpartition("-")[0] != self._name(target.name)

    async def _found(self, client: AwsClient, target: Target, *, others: bool = False) -> Found | None:
        """The secret of this name.

        Raises:
            Permanent: it is not this delivery's, unless ``others`` are wanted, without their values.
        """
        name = self._name(target.name)
        # By its ARN where it is only looked at: the same name in another account is another secret.
        known = target.receipt.reference if target.receipt and not isinstance(target, Deployment) else name
        described = await client.find("DescribeSecret", SecretId=known)
        if described is None:
            return None
        found = Found(described["ARN"], delivery_of(described.get("Tags")), "DeletedDate" in described)
        if found.delivery != target.delivery and not others:
            raise Permanent(
                f"The secret {name} was not made by this delivery.",
                action="Move it, or give the sync another path or name schema; then retry.",
            )
        if found.deleted or found.delivery != target.delivery:
            return found
        # Without a value there is no version yet; whoever deletes it in between is met by the next write.
        got = await client.find("GetSecretValue", SecretId=found.arn) or {}
        return Found(found.arn, found.delivery, False, got.get("VersionId", ""), got.get("SecretString", ""))

    async def _restored(self, client: AwsClient, found: Found, deployment: Deployment) -> Found | None:
        if self.config.on_soft_deleted == "explain":
            raise Permanent(
                f"The secret {self._name(deployment.name)} is scheduled for deletion, so nothing can be written there.",
                action="Restore it, wait for the end of its recovery window, or set on_soft_deleted to restore.",
            )
        await client.write("RestoreSecret", SecretId=found.arn)
        return await self._found(client, deployment)

    async def _create(
        self, client: AwsClient, deployment: Deployment, value: str, token: str
    ) -> dict[str, Any]:
        key = {"KmsKeyId": self.config.kms_key_id} if self.config.kms_key_id else {}
        answer = await client.write(
            "CreateSecret",
            unless=DELETED,
            Name=self._name(deployment.name),
            Description=f"Certificate kept by certrail: {deployment.bundle.common_name}".strip(": "),
            SecretString=value,
            ClientRequestToken=token,
            Tags=tags_of(deployment),
            **key,
        )
        if answer is None:
            # Deleted without a recovery window: the name is free after a while (API reference, DeleteSecret).
            raise Retryable(
                f"A secret {self._name(deployment.name)} is being deleted, and its name not free yet."
            )
        return answer

    def _receipt(self, deployment: Deployment, arn: str, version: str, *, changed: bool) -> Receipt:
        return Receipt(
            reference=arn,
            version=version,
            fingerprint=deployment.bundle.fingerprint,
            changed=changed,
            details={"region": self.config.region, "name": self._name(deployment.name)},
        )


def _document(deployment: Deployment, title: str) -> str:
    """The value of the secret.

    Raises:
        Permanent: there is no key to give, or it is larger than a secret may be.
    """
    bundle = deployment.bundle
    value = json.dumps(
        {
            "certificate": bundle.certificate,
            "chain": bundle.chain_pem,
            "private_key": pem.key_of(bundle, title),
            "fingerprint": bundle.fingerprint,
            "not_after": bundle.not_after.isoformat(),
        },
        sort_keys=True,
    )
    if len(value.encode()) > LARGEST:
        raise Permanent(
            f"Certificate, chain and key have {len(value.encode())} bytes, and a secret at most {LARGEST}.",
            action="Deliver a shorter chain, or take the certificate out of the sync.",
        )
    return value


def _read(value: str) -> tuple[str | None, bool]:
    """Fingerprint of the leaf, and whether the key fits; ``None`` where somebody wrote something else there."""
    try:
        document = json.loads(value)
        leaf, key = str(document["certificate"]), str(document["private_key"])
        return pem.fingerprint(leaf), pem.key_fits(leaf, key)
    except (ValueError, KeyError, TypeError):
        return None, False
