"""The few calls to ACM that its destinations need, and a certificate that keeps its ARN."""

from collections.abc import Iterable, Mapping
from typing import Any

from certrail_aws.client import GONE, AwsClient
from certrail_aws.config import AwsConfig
from certrail_aws.content import KEY_TYPES, Content, wanted
from certrail_aws.decision import decide
from certrail_aws.tags import delivery_of, tags_of
from certrail_sdk import Bundle, ConcurrentModification, Deployment, Permanent, Receipt, Target

PAGE = 100


class AcmClient:
    """ACM for one verb: nothing of it is kept after."""

    def __init__(self, config: AwsConfig, endpoint_url: str | None) -> None:
        self._region = config.region
        self._calls = AwsClient(config, "acm", endpoint_url)

    async def probe(self) -> None:
        """Prove that the credentials open ACM."""
        await self._calls.read("ListCertificates", MaxItems=1)

    async def content(self, arn: str) -> Content | None:
        """What stands under the ARN, or ``None`` if it is gone."""
        got = await self._calls.find("GetCertificate", CertificateArn=arn)
        return None if got is None else Content.read(got["Certificate"], got.get("CertificateChain", ""))

    async def users(self, arn: str) -> tuple[str, ...] | None:
        """ARNs of what uses the certificate, or ``None`` if it is gone."""
        got = await self._calls.find("DescribeCertificate", CertificateArn=arn)
        return None if got is None else tuple(got["Certificate"].get("InUseBy", ()))

    async def delivery_of(self, arn: str) -> str | None:
        """The delivery whose certificate it is by its mark; ``None`` where somebody else imported it."""
        got = await self._calls.find("ListTagsForCertificate", CertificateArn=arn) or {}
        return delivery_of(got.get("Tags"))

    async def tagged(self, delivery: str, names: Iterable[str] = ()) -> list[str]:
        """ARNs that carry the mark of this delivery, newest import first.

        ``names`` saves calls: certificates that share none of them are not looked into.
        """
        wished = {name.lower() for name in names}
        return [
            summary["CertificateArn"]
            for summary in await self._imported()
            if _may_be(summary, wished) and await self.delivery_of(summary["CertificateArn"]) == delivery
        ]

    async def deliver(self, deployment: Deployment) -> Receipt:
        """Import under the ARN that is there, or under a new one; nothing if leaf and chain are there already.

        Raises:
            Permanent: ACM takes no such key, or the ARN none of the new type.
        """
        desired = wanted(deployment.bundle)
        decision = await decide(self, deployment, desired)
        arn, material = decision.arn, _material(deployment.bundle)
        if decision.action == "replace":
            # The tags stay, and repeating it is harmless.
            await self._calls.write("ImportCertificate", CertificateArn=arn, **material)
        elif decision.action == "create":
            # Not idempotent: an earlier attempt that may have landed was looked for by its tag.
            got = await self._calls.write("ImportCertificate", **material, Tags=tags_of(deployment))
            arn = str((got or {})["CertificateArn"])
        details = {"region": self._region, "key_type": desired.key_type}
        if decision.superseded:
            details["superseded"] = decision.superseded
        changed = decision.action != "none"
        return Receipt(reference=arn, fingerprint=desired.fingerprint, changed=changed, details=details)

    def require_here(self, arn: str) -> None:
        """Refuse a certificate of another region.

        Raises:
            Permanent: the connection points to another region than that of the ARN.
        """
        if (region := next(iter(arn.split(":")[3:4]), self._region)) != self._region:
            raise Permanent(
                f"{arn} is in {region}, and the connection points to {self._region} by now.",
                action="Delete it there by hand, or have the connection point there until it is gone.",
            )

    async def remove(self, arn: str, target: Target) -> bool:
        """Delete a certificate of this delivery, and say whether there was one.

        Raises:
            Permanent: it is not ours.
            ConcurrentModification: something uses it.
        """
        self.require_here(arn)
        users = await self.users(arn)
        if users is None:
            return False
        if await self.delivery_of(arn) != target.delivery:
            raise Permanent(f"{arn} does not carry the tag of this delivery, so it is not ours to delete.")
        if users:
            raise ConcurrentModification(
                f"{arn} is in use by {', '.join(users)}.",
                action="Give those resources another certificate; the removal is tried again by itself.",
            )
        return await self._calls.write("DeleteCertificate", unless=GONE, CertificateArn=arn) is not None

    async def _imported(self) -> list[dict[str, Any]]:
        # Without keyTypes ACM lists RSA keys up to 2048 bits only, and hides the rest without a word.
        desired: dict[str, Any] = {"Includes": {"keyTypes": list(KEY_TYPES)}, "MaxItems": PAGE}
        found: list[dict[str, Any]] = []
        while True:
            page = await self._calls.read("ListCertificates", **desired)
            found += page["CertificateSummaryList"]
            if not page.get("NextToken"):
                return sorted(found, key=lambda c: str(c.get("ImportedAt", "")), reverse=True)
            desired["NextToken"] = page["NextToken"]


def _material(bundle: Bundle) -> dict[str, Any]:
    assert bundle.private_key is not None
    given: dict[str, Any] = {
        "Certificate": bundle.certificate.encode(),
        "PrivateKey": bundle.private_key.get_secret_value().encode(),
    }
    return given | ({"CertificateChain": bundle.chain_pem.encode()} if bundle.chain_pem else {})


def _may_be(summary: Mapping[str, Any], wished: set[str]) -> bool:
    if not wished or summary.get("HasAdditionalSubjectAlternativeNames"):
        return True
    listed = {summary.get("DomainName", ""), *summary.get("SubjectAlternativeNameSummaries", ())}
    return bool(wished & {name.lower() for name in listed})
