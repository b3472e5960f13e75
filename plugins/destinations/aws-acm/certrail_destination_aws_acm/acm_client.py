"""The few calls to ACM that the destination needs, each in a thread and with its errors explained."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from certrail_destination_aws_acm.config import AwsAcmConfig
from certrail_destination_aws_acm.content import KEY_TYPES, Content
from certrail_destination_aws_acm.errors import explained, is_gone
from certrail_destination_aws_acm.session import make_client
from certrail_sdk import Bundle, Deployment, settled

DELIVERY_TAG = "certrail:delivery"
PAGE = 100


class AcmClient:
    """ACM for one verb: nothing of it is kept after."""

    def __init__(self, config: AwsAcmConfig) -> None:
        self._config = config
        self._boto: Any = None

    async def probe(self) -> None:
        """Prove that the credentials open ACM."""
        await self._call("ListCertificates", MaxItems=1)

    async def content(self, arn: str) -> Content | None:
        """What stands under the ARN, or ``None`` if it is gone."""
        got = await self._find("GetCertificate", arn)
        return None if got is None else Content.read(got["Certificate"], got.get("CertificateChain", ""))

    async def users(self, arn: str) -> tuple[str, ...] | None:
        """ARNs of what uses the certificate, or ``None`` if it is gone."""
        got = await self._find("DescribeCertificate", arn)
        return None if got is None else tuple(got["Certificate"].get("InUseBy", ()))

    async def is_tagged(self, arn: str, delivery: str) -> bool:
        """Whether the certificate carries the mark of this delivery."""
        got = await self._find("ListTagsForCertificate", arn) or {}
        return any(t["Key"] == DELIVERY_TAG and t.get("Value") == delivery for t in got.get("Tags", ()))

    async def tagged(self, delivery: str, names: Iterable[str] = ()) -> list[str]:
        """ARNs that carry the mark of this delivery, newest import first.

        ``names`` saves calls: certificates that share none of them are not looked into.
        """
        wished = {name.lower() for name in names}
        return [
            summary["CertificateArn"]
            for summary in await self._imported()
            if _may_be(summary, wished) and await self.is_tagged(summary["CertificateArn"], delivery)
        ]

    async def create(self, deployment: Deployment) -> str:
        """Import under a new ARN. Not idempotent: look by tag first when an earlier try may have landed."""
        tags = [{"Key": key, "Value": value} for key, value in _tags(deployment).items()]
        call = self._call("ImportCertificate", **_material(deployment.bundle), Tags=tags)
        return str((await settled(call))["CertificateArn"])

    async def replace(self, arn: str, bundle: Bundle) -> None:
        """Import under a known ARN. The tags stay, and repeating it is harmless."""
        await settled(self._call("ImportCertificate", CertificateArn=arn, **_material(bundle)))

    async def delete(self, arn: str) -> bool:
        """Delete, and say whether there was something to delete."""
        return await settled(self._find("DeleteCertificate", arn)) is not None

    async def _imported(self) -> list[dict[str, Any]]:
        # Without keyTypes ACM lists RSA keys up to 2048 bits only, and hides the rest without a word.
        desired: dict[str, Any] = {"Includes": {"keyTypes": list(KEY_TYPES)}, "MaxItems": PAGE}
        found: list[dict[str, Any]] = []
        while True:
            page = await self._call("ListCertificates", **desired)
            found += page["CertificateSummaryList"]
            if not page.get("NextToken"):
                return sorted(found, key=lambda c: str(c.get("ImportedAt", "")), reverse=True)
            desired["NextToken"] = page["NextToken"]

    async def _find(self, action: str, arn: str) -> dict[str, Any] | None:
        return await asyncio.to_thread(self._blocking, action, {"CertificateArn": arn}, gone_is_none=True)

    async def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        got = await asyncio.to_thread(self._blocking, action, parameters)
        return got or {}

    def _blocking(
        self, action: str, parameters: Mapping[str, Any], *, gone_is_none: bool = False
    ) -> dict[str, Any] | None:
        self._boto = self._boto or make_client(self._config)
        with explained(f"acm:{action}"):
            try:
                got: dict[str, Any] = getattr(self._boto, xform_name(action))(**parameters)
            except ClientError as error:
                if gone_is_none and is_gone(error):
                    return None
                raise
        return got


def _material(bundle: Bundle) -> dict[str, bytes]:
    assert bundle.private_key is not None
    given = {
        "Certificate": bundle.certificate.encode(),
        "PrivateKey": bundle.private_key.get_secret_value().encode(),
    }
    return given | ({"CertificateChain": bundle.chain_pem.encode()} if bundle.chain_pem else {})


def _tags(deployment: Deployment) -> dict[str, str]:
    return {
        "Name": deployment.name,
        DELIVERY_TAG: deployment.delivery,
        "certrail:lineage": deployment.lineage,
        "certrail:application": deployment.application,
        "certrail:managed": "true",
    }


def _may_be(summary: Mapping[str, Any], wished: set[str]) -> bool:
    if not wished or summary.get("HasAdditionalSubjectAlternativeNames"):
        return True
    listed = {summary.get("DomainName", ""), *summary.get("SubjectAlternativeNameSummaries", ())}
    return bool(wished & {name.lower() for name in listed})
