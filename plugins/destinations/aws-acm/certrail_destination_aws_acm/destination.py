"""AWS Certificate Manager: one ARN per delivery, found again by receipt or by tag."""

from certrail_aws.acm import AcmClient
from certrail_destination_aws_acm.config import AwsAcmConfig
from certrail_sdk import Deployment, Destination, Observation, RateLimited, Receipt, Removal, Target


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
        try:
            return await self._acm().deliver(deployment)
        except RateLimited as error:
            error.nothing_written = True  # the import is the last call, and the only one that writes
            raise

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
        removed = [arn for arn in await self._arns(acm, target) if await acm.remove(arn, target)]
        return Removal(changed=bool(removed), details={"removed": " ".join(removed)} if removed else {})

    def _acm(self) -> AcmClient:
        return AcmClient(self.config, self.config.endpoint_url)

    async def _arns(self, acm: AcmClient, target: Target) -> list[str]:
        return [target.receipt.reference] if target.receipt else await acm.tagged(target.delivery)
