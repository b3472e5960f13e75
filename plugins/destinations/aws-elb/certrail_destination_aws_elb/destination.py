"""Listeners of load balancers: a certificate in ACM that keeps its ARN, and is attached where it is not."""

from collections.abc import Sequence

from certrail_aws.acm import AcmClient
from certrail_destination_aws_elb.config import AwsElbConfig
from certrail_destination_aws_elb.listeners import Attached, Listeners
from certrail_sdk import (
    ConcurrentModification,
    Deployment,
    Destination,
    Misconfigured,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
)

LISTENERS = "listeners"
"""In a receipt: the ARNs of the listeners that got the certificate, with blanks between them."""


class AwsElb(Destination[AwsElbConfig]):
    """Listeners of AWS load balancers. A renewal takes the place of its certificate in ACM, so all listeners follow."""

    name = "aws-elb"
    title = "AWS load balancer listeners"
    connection_type = "aws"
    name_pattern = r"[A-Za-z0-9 _.:/=+@-]+"
    name_length = 256

    async def check(self) -> None:
        """Ask ACM for one page of certificates, and look at each listener."""
        await self._acm().probe()
        await Listeners(self.config).require(self.config.listeners)

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Import into ACM, under the ARN that is there or a new one; attach it where it is not."""
        acm, listeners = self._acm(), Listeners(self.config)
        await listeners.require(self.config.listeners)
        if self.config.role == "default":
            await self._refuse_taken(acm, listeners, deployment)
        receipt = await acm.deliver(deployment)
        attached = [
            await self._attach(acm, listeners, each, receipt.reference, deployment)
            for each in self.config.listeners
        ]
        # A listener that the sync no longer names gives up what it got from it.
        former = [each for each in _of(deployment) if each not in self.config.listeners]
        left = await self._detach(listeners, former, receipt.reference)
        details = {LISTENERS: " ".join((*self.config.listeners, *left)), "role": self.config.role}
        return receipt.model_copy(
            update={
                "changed": receipt.changed or any(attached),
                "details": {**receipt.details, **details},
            }
        )

    async def observe(self, target: Target) -> Observation:
        """Read the certificate back from ACM; where a listener does not serve it, it is not there."""
        acm, listeners = self._acm(), Listeners(self.config)
        nothing = Observation(present=False, reference=target.receipt.reference if target.receipt else None)
        for arn in await self._arns(acm, target):
            content = await acm.content(arn)
            if content is None:
                continue
            for each in self.config.listeners:
                there = await listeners.attached(each)
                if there is None or not there.has(arn, self.config.role):
                    return nothing
            return Observation(present=True, fingerprint=content.fingerprint, reference=arn)
        return nothing

    async def remove(self, target: Target) -> Removal:
        """Detach what is ours from all listeners that got it, and delete it from ACM.

        Raises:
            Permanent: it is in another region, or not ours.
            ConcurrentModification: a listener has it as its default certificate, or something else uses it.
        """
        acm, listeners = self._acm(), Listeners(self.config)
        removed = []
        for arn in await self._arns(acm, target):
            acm.require_here(arn)
            if await acm.users(arn) is None:
                continue
            if await acm.delivery_of(arn) != target.delivery:
                raise Permanent(f"{arn} does not carry the tag of this delivery, so it stays where it is.")
            everywhere = dict.fromkeys((*self.config.listeners, *_of(target)))
            left = await self._detach(listeners, list(everywhere), arn)
            if left:
                raise ConcurrentModification(
                    f"{arn} is the default certificate of {', '.join(left)}.",
                    action="Give them another default certificate; the removal is tried again by itself.",
                )
            if await acm.remove(arn, target):
                removed.append(arn)
        return Removal(changed=bool(removed), details={"removed": " ".join(removed)} if removed else {})

    def _acm(self) -> AcmClient:
        return AcmClient(self.config, self.config.endpoint_url)

    async def _arns(self, acm: AcmClient, target: Target) -> list[str]:
        return [target.receipt.reference] if target.receipt else await acm.tagged(target.delivery)

    async def _refuse_taken(self, acm: AcmClient, listeners: Listeners, deployment: Deployment) -> None:
        """Two deliveries would take the same listener from each other for ever."""
        for each in self.config.listeners:
            there = await self._there(listeners, each)
            owner = await _owner(acm, there.default)
            if owner not in (None, deployment.delivery):
                raise Permanent(
                    f"The default certificate of {each} is that of another delivery.",
                    action="Let one certificate only be the default one: narrow the selection, or take sni.",
                )

    async def _attach(
        self, acm: AcmClient, listeners: Listeners, listener: str, arn: str, deployment: Deployment
    ) -> bool:
        """Have a listener serve the certificate; says whether anything was left to do."""
        there = await self._there(listeners, listener)
        if there.has(arn, self.config.role):
            return False
        if self.config.role == "sni":
            await listeners.add(listener, arn)
            return True
        # First its names go on being served: the default certificate that somebody chose is not ours to take away.
        foreign = there.default and await _owner(acm, there.default) != deployment.delivery
        if foreign and there.default not in there.others:
            await listeners.add(listener, there.default)
        await listeners.make_default(listener, arn)
        return True

    async def _there(self, listeners: Listeners, listener: str) -> Attached:
        there = await listeners.attached(listener)
        if there is None:
            raise Misconfigured("listeners", f"{listener} does not exist")
        return there

    async def _detach(self, listeners: Listeners, of: Sequence[str], arn: str) -> list[str]:
        """Take a certificate from the lists of listeners; returns those that keep it as their default one."""
        keeping = []
        for listener in of:
            there = await listeners.attached(listener)
            if there is not None and arn in there.others:
                await listeners.detach(listener, arn)
            if there is not None and arn == there.default:
                keeping.append(listener)
        return keeping


async def _owner(acm: AcmClient, arn: str) -> str | None:
    """The delivery of a certificate in ACM; ``None`` for others, also those of IAM."""
    return await acm.delivery_of(arn) if ":acm:" in arn else None


def _of(target: Target) -> list[str]:
    """The listeners that got the certificate by the receipt."""
    return target.receipt.details.get(LISTENERS, "").split() if target.receipt else []
