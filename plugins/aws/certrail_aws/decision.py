"""What a deployment comes down to, given what stands in ACM."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrail_aws.content import Content
from certrail_sdk import Deployment, Permanent

if TYPE_CHECKING:
    from certrail_aws.acm import AcmClient


@dataclass(frozen=True)
class Decision:
    """``none``, ``replace`` or ``create``; the ARN to use; the ARN that is left behind by a new one."""

    action: str
    arn: str = ""
    superseded: str = ""


async def decide(acm: "AcmClient", deployment: Deployment, desired: Content) -> Decision:
    """Look at what is there, and say what is left to do.

    Raises:
        Permanent: the ARN cannot take a key of the new type.
    """
    present = await _present(acm, deployment)
    same = next((arn for arn, there in present.items() if there.fingerprint == desired.fingerprint), None)
    if same and present[same] == desired:
        return Decision("none", same)
    home = same or (next(iter(present), None) if deployment.keep_identity else None)
    if home:
        _require_same_key_type(home, present[home], desired)
        return Decision("replace", home)
    known = deployment.receipt.reference if deployment.receipt else ""
    return Decision("create", superseded=known if known in present else "")


async def _present(acm: "AcmClient", deployment: Deployment) -> dict[str, Content]:
    known = deployment.receipt.reference if deployment.receipt else None
    there = await acm.content(known) if known else None
    present = {known: there} if known and there else {}
    if present and (deployment.keep_identity or not deployment.may_exist):
        return present
    if known is None and not deployment.may_exist:
        return {}
    return present | await _tagged(acm, deployment)


async def _tagged(acm: "AcmClient", deployment: Deployment) -> dict[str, Content]:
    # An ARN that shares no name with the certificate could not take it: ACM refuses such a re-import.
    bundle = deployment.bundle
    names = [name for name in (bundle.common_name, *bundle.dns_names) if name]
    found = {arn: await acm.content(arn) for arn in await acm.tagged(deployment.delivery, names)}
    return {arn: content for arn, content in found.items() if content is not None}


def _require_same_key_type(arn: str, there: Content, desired: Content) -> None:
    if there.key_type != desired.key_type:
        raise Permanent(
            f"{arn} holds a {there.key_type} key and the new certificate a {desired.key_type} key: "
            "ACM keeps the key type and size of an ARN.",
            action="Let the sync give renewals a new identity, or go back to the former key type.",
        )
