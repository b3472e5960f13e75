"""AWS Certificate Manager: one ARN per delivery, found again by receipt or by tag."""

from typing import TYPE_CHECKING

from certrail_destination_aws_acm.config import AwsAcmConfig
from certrail_destination_aws_acm.content import wanted
from certrail_destination_aws_acm.decision import decide
from certrail_sdk import (
    ConcurrentModification,
    Deployment,
    Destination,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
)

if TYPE_CHECKING:
    from certrail_destination_aws_acm.acm_client import AcmClient


class AwsAcm(Destination[AwsAcmConfig]):
    """AWS Certificate Manager. Renewals keep their ARN, so whatever uses it gets the new certificate."""

    name = "aws-acm"
    title = "AWS Certificate Manager"
    connection_type = "aws"
    name_pattern = r"[A-Za-z0-9 _.:/=+@-]+"
    name_length = 256

    async def check(self) -> None:
        """Ask for one page of certificates."""
        await self._acm().probe()

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Import under the ARN that is there, or under a new one."""
        acm, desired = self._acm(), wanted(deployment.bundle)
        decision = await decide(acm, deployment, desired)
        arn = decision.arn
        if decision.action == "replace":
            await acm.replace(arn, deployment.bundle)
        elif decision.action == "create":
            arn = await acm.create(deployment)
        details = {"region": self.config.region, "key_type": desired.key_type}
        if decision.superseded:
            details["superseded"] = decision.superseded
        changed = decision.action != "none"
        return Receipt(reference=arn, fingerprint=desired.fingerprint, changed=changed, details=details)

    async def observe(self, target: Target) -> Observation:
        """Read back what ACM serves. Without a receipt every certificate's tags are looked into."""
        acm = self._acm()
        for arn in await self._arns(acm, target):
            content = await acm.content(arn)
            if content is not None:
                return Observation(
                    present=True,
                    fingerprint=content.fingerprint,
                    reference=arn,
                    in_use_by=await acm.users(arn),
                )
        return Observation(present=False, reference=target.receipt.reference if target.receipt else None)

    async def remove(self, target: Target) -> Removal:
        """Delete what is ours and unused."""
        acm = self._acm()
        removed = [arn for arn in await self._arns(acm, target) if await self._remove(acm, arn, target)]
        return Removal(changed=bool(removed), details={"removed": " ".join(removed)} if removed else {})

    def _acm(self) -> "AcmClient":
        # boto3 takes a second to load, which no process should pay that does not deploy.
        from certrail_destination_aws_acm.acm_client import AcmClient  # noqa: PLC0415

        return AcmClient(self.config)

    async def _arns(self, acm: "AcmClient", target: Target) -> list[str]:
        return [target.receipt.reference] if target.receipt else await acm.tagged(target.delivery)

    async def _remove(self, acm: "AcmClient", arn: str, target: Target) -> bool:
        if (region := next(iter(arn.split(":")[3:4]), self.config.region)) != self.config.region:
            raise Permanent(
                f"{arn} is in {region}, and the connection points to {self.config.region} by now.",
                action="Delete it there by hand, or have the connection point there until it is gone.",
            )
        users = await acm.users(arn)
        if users is None:
            return False
        if not await acm.is_tagged(arn, target.delivery):
            raise Permanent(f"{arn} does not carry the tag of this delivery, so it is not ours to delete.")
        if users:
            raise ConcurrentModification(
                f"{arn} is in use by {', '.join(users)}.",
                action="Give those resources another certificate; the removal is tried again by itself.",
            )
        return await acm.delete(arn)
