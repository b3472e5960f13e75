"""Server certificates: each is written once, so a renewal is another one under the path of its delivery."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from certrail_aws import AwsClient, delivery_of, tags_of
from certrail_aws.client import GONE
from certrail_destination_aws_iam.config import AwsIamConfig
from certrail_sdk import (
    Bundle,
    ConcurrentModification,
    Deployment,
    Destination,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
    pem,
)

IN_USE, TAKEN = frozenset({"DeleteConflict"}), frozenset({"EntityAlreadyExists"})
DIGITS = 16
"""Hex digits of the digest at the end of a name."""


@dataclass(frozen=True)
class Version:
    """One server certificate below the path of a delivery."""

    name: str
    arn: str
    uploaded: datetime
    delivery: str | None
    fingerprint: str


class AwsIam(Destination[AwsIamConfig]):
    """Server certificates of AWS IAM, for services that do not take certificates from ACM.

    Each certificate is named ``<name>-<digest>`` below ``<path><name>/``. What uses one is given the next one by its
    owner; certificates that were replaced are deleted as soon as nothing uses them.
    """

    name = "aws-iam"
    title = "AWS IAM server certificates"
    connection_type = "aws"
    name_pattern = r"[A-Za-z0-9_+=.@-]+"
    name_length = 128 - DIGITS - 1

    async def check(self) -> None:
        """List what is below the path."""
        await self._client().read("ListServerCertificates", PathPrefix=self.config.path, MaxItems=1)

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Upload the certificate unless it is there, then delete what it replaced and nothing uses."""
        client, key = self._client(), _key(deployment.bundle, self.title)
        versions = await self._versions(client, deployment)
        _refuse_foreign(versions, deployment, self._path(deployment))
        name = f"{deployment.name}-{_digest(deployment.bundle)}"
        present = next((version for version in versions if version.name == name), None)
        known = deployment.receipt.version if deployment.receipt else name
        changed = present is None or known != name
        arn = present.arn if present else await self._upload(client, name, deployment, key)
        older = sorted(
            (version for version in versions if version.name != name), key=lambda v: v.uploaded, reverse=True
        )
        in_use = await _delete(client, older[self.config.keep_versions - 1 :])
        return Receipt(
            reference=arn.removesuffix(name),
            version=name,
            fingerprint=deployment.bundle.fingerprint,
            changed=changed,
            details={"arn": arn} | ({"older_in_use": " ".join(in_use)} if in_use else {}),
        )

    async def observe(self, target: Target) -> Observation:
        """Read back the certificate that was delivered last. IAM gives its private key to nobody."""
        if self._is_elsewhere(target):
            return Observation(present=False)
        client = self._client()
        # By its name first: lists lag behind uploads.
        known = target.receipt.version if target.receipt else None
        delivered = await _read(client, known) if known else None
        here = delivered is not None and delivered.arn.endswith(f"{self._path(target)}{delivered.name}")
        versions = [delivered] if delivered and here else await self._versions(client, target)
        ours = [version for version in versions if version.delivery == target.delivery]
        for version in sorted(ours, key=lambda each: each.uploaded, reverse=True):
            return Observation(
                present=True,
                fingerprint=version.fingerprint,
                reference=version.arn.removesuffix(version.name),
                version=version.name,
            )
        return Observation(present=False)

    async def remove(self, target: Target) -> Removal:
        """Delete all certificates of the delivery.

        Raises:
            ConcurrentModification: something uses one of them; the others are deleted.
        """
        if self._is_elsewhere(target):
            raise Permanent(
                f"{target.receipt.reference if target.receipt else ''} is not below {self.config.path}, where the "
                "configuration leads by now.",
                action="Delete it there by hand, then retry.",
            )
        client = self._client()
        versions = await self._versions(client, target)
        ours = [version for version in versions if version.delivery == target.delivery]
        if not ours:
            _refuse_foreign(versions, target, self._path(target))
        if in_use := await _delete(client, ours):
            raise ConcurrentModification(
                f"Server certificates are in use: {', '.join(in_use)}.",
                action="Give what uses them another certificate; the removal is tried again by itself.",
            )
        return Removal(changed=bool(ours), details={"removed": str(len(ours))} if ours else {})

    def _client(self) -> AwsClient:
        return AwsClient(self.config, "iam", self.config.iam_endpoint_url)

    def _path(self, target: Target) -> str:
        return f"{self.config.path}{target.name}/"

    def _is_elsewhere(self, target: Target) -> bool:
        """Whether the receipt names certificates below another path than the configuration by now."""
        return target.receipt is not None and not target.receipt.reference.endswith(
            f":server-certificate{self._path(target)}"
        )

    async def _versions(self, client: AwsClient, target: Target) -> list[Version]:
        """All certificates with exactly this path."""
        asked, found = {"PathPrefix": self._path(target)}, []
        while True:
            page = await client.read("ListServerCertificates", **asked)
            # The prefix is also that of paths below it.
            found += [m for m in page["ServerCertificateMetadataList"] if m["Path"] == asked["PathPrefix"]]
            if not page.get("IsTruncated"):
                break
            asked["Marker"] = page["Marker"]
        versions = [await _read(client, metadata["ServerCertificateName"]) for metadata in found]
        return [version for version in versions if version is not None]

    async def _upload(self, client: AwsClient, name: str, deployment: Deployment, key: str) -> str:
        bundle = deployment.bundle
        answer = await client.write(
            "UploadServerCertificate",
            unless=TAKEN,
            Path=self._path(deployment),
            ServerCertificateName=name,
            CertificateBody=bundle.certificate,
            PrivateKey=key,
            Tags=tags_of(deployment),
            **({"CertificateChain": bundle.chain_pem} if bundle.chain_pem else {}),
        )
        if answer is not None:
            return str(answer["ServerCertificateMetadata"]["Arn"])
        # IAM's lists lag behind its writes, and names are unique in the whole account: ours, or somebody else's.
        there = await _read(client, name)
        if there is None or not there.arn.endswith(f":server-certificate{self._path(deployment)}{name}"):
            raise Permanent(
                f"The account has another server certificate called {name}.",
                action="Delete it, or give the sync another name schema; then retry.",
            )
        _refuse_foreign([there], deployment, self._path(deployment))
        return there.arn


async def _read(client: AwsClient, name: str) -> Version | None:
    got = await client.find("GetServerCertificate", ServerCertificateName=name)
    if got is None:
        return None
    found, metadata = got["ServerCertificate"], got["ServerCertificate"]["ServerCertificateMetadata"]
    return Version(
        metadata["ServerCertificateName"],
        metadata["Arn"],
        metadata["UploadDate"],
        delivery_of(found.get("Tags")),
        pem.fingerprint(found["CertificateBody"]),
    )


async def _delete(client: AwsClient, versions: list[Version]) -> list[str]:
    """Delete what nothing uses; returns the names of the others."""
    in_use = []
    for version in versions:
        if await _is_used(client, version.name):
            in_use.append(version.name)
    return in_use


async def _is_used(client: AwsClient, name: str) -> bool:
    answer = await client.write("DeleteServerCertificate", unless=IN_USE | GONE, ServerCertificateName=name)
    # Without an answer it is in use, or was deleted by somebody else in between.
    return (
        answer is None and await client.find("GetServerCertificate", ServerCertificateName=name) is not None
    )


def _refuse_foreign(versions: list[Version], target: Target, path: str) -> None:
    for version in versions:
        if version.delivery != target.delivery:
            raise Permanent(
                f"The server certificate {version.name} below {path} was not uploaded by this delivery.",
                action="Move it, or give the sync another path or name schema; then retry.",
            )


def _digest(bundle: Bundle) -> str:
    """The same for the same leaf and chain: a certificate with another chain is another server certificate."""
    fingerprints = " ".join(pem.fingerprints(pem.full_chain(bundle)))
    return sha256(fingerprints.encode()).hexdigest()[:DIGITS]


def _key(bundle: Bundle, title: str) -> str:
    """The key in the form that the IAM User Guide shows, PEM with the name of its algorithm, unencrypted.

    Raises:
        Permanent: there is no key to give, or none that has this form.
    """
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    key = serialization.load_pem_private_key(pem.key_of(bundle, title).encode(), None)
    try:
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()
    except ValueError:
        raise Permanent(
            f"IAM takes no {type(key).__name__.lstrip('_')}.",
            action="Use a profile with RSA or elliptic-curve (P-256, P-384) keys.",
        ) from None
