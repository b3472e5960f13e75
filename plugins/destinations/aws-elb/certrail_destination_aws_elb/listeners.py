"""The certificates of listeners, as Elastic Load Balancing has them.

API reference: docs.aws.amazon.com/elasticloadbalancing/latest/APIReference. Adding and removing take one certificate a
call; adding one that is there succeeds. The default certificate is replaced, never taken away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from certrail_aws import AwsClient
from certrail_aws.client import GONE
from certrail_destination_aws_elb.config import AwsElbConfig
from certrail_sdk import Misconfigured

ENCRYPTED = ("HTTPS", "TLS")


@dataclass(frozen=True)
class Attached:
    """The certificates of one listener: the default one, and the list from which clients get one by its names."""

    listener: str
    default: str
    others: tuple[str, ...]

    def has(self, arn: str, role: str) -> bool:
        """Whether the listener serves the certificate in this role, or more."""
        return arn == self.default or (role == "sni" and arn in self.others)


class Listeners:
    """Calls to Elastic Load Balancing for one verb."""

    def __init__(self, config: AwsElbConfig) -> None:
        self._calls = AwsClient(config, "elbv2", config.elbv2_endpoint_url, prefix="elasticloadbalancing")

    async def require(self, listeners: Sequence[str]) -> None:
        """Look whether the listeners are there and take certificates.

        Raises:
            Misconfigured: one does not.
        """
        for arn in listeners:
            found = await self._calls.find("DescribeListeners", ListenerArns=[arn])
            if found is None:
                raise Misconfigured("listeners", f"{arn} does not exist")
            protocol = found["Listeners"][0]["Protocol"]
            if protocol not in ENCRYPTED:
                raise Misconfigured("listeners", f"{arn} speaks {protocol}, which takes no certificates")

    async def attached(self, listener: str) -> Attached | None:
        """What a listener has, or ``None`` if it is gone."""
        asked, found = {"ListenerArn": listener}, []
        while True:
            page = await self._calls.find("DescribeListenerCertificates", **asked)
            if page is None:
                return None
            found += page["Certificates"]
            if not page.get("NextMarker"):
                break
            asked["Marker"] = page["NextMarker"]
        default = next((c["CertificateArn"] for c in found if c.get("IsDefault")), "")
        return Attached(
            listener, default, tuple(c["CertificateArn"] for c in found if not c.get("IsDefault"))
        )

    async def add(self, listener: str, arn: str) -> None:
        """Put a certificate on the list of a listener."""
        await self._calls.write(
            "AddListenerCertificates", ListenerArn=listener, Certificates=[{"CertificateArn": arn}]
        )

    async def make_default(self, listener: str, arn: str) -> None:
        """Give a listener another default certificate; the one before is no longer served by this."""
        await self._calls.write(
            "ModifyListener", ListenerArn=listener, Certificates=[{"CertificateArn": arn}]
        )

    async def detach(self, listener: str, arn: str) -> None:
        """Take a certificate from the list of a listener."""
        await self._calls.write(
            "RemoveListenerCertificates",
            unless=GONE,
            ListenerArn=listener,
            Certificates=[{"CertificateArn": arn}],
        )
