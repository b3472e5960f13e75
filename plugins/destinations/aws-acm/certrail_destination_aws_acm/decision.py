"""What a deployment comes down to, given what stands in ACM."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrail_destination_aws_acm.content import Content
from certrail_sdk import Deployment, Permanent

if TYPE_CHECKING:
    from certrail_destination_aws_acm.acm_client import AcmClient


@dataclass(frozen=True)
class Decision:
    """``none``, ``replace`` or ``create``; the ARN to use; the ARN that is left behind by a new one."""

    action: str
    arn: str = ""
    superseded: str = ""


async def decide(acm: "AcmClient", deployment: Deployment, wish: Content) -> Decision:
    """Look at what is there, and say what is left to do.

    Raises:
        Permanent: the ARN cannot take a key of the new type.
    """
    standing = await _standing(acm, deployment)
    same = next((arn for arn, there in standing.items() if there.fingerprint == wish.fingerprint), None)
    if same and standing[same] == wish:
        return Decision("none", same)
    home = same or (next(iter(standing), None) if deployment.keep_identity else None)
    if home:
        _require_same_key_type(home, standing[home], wish)
        return Decision("replace", home)
    known = deployment.receipt.reference if deployment.receipt else ""
    return Decision("create", superseded=known if known in standing else "")


async def _standing(acm: "AcmClient", deployment: Deployment) -> dict[str, Content]:
    known = deployment.receipt.reference if deployment.receipt else None
    there = await acm.content(known) if known else None
    standing = {known: there} if known and there else {}
    if standing and (deployment.keep_identity or not deployment.may_exist):
        return standing
    if known is None and not deployment.may_exist:
        return {}
    return standing | await _tagged(acm, deployment)


async def _tagged(acm: "AcmClient", deployment: Deployment) -> dict[str, Content]:
    # An ARN that shares no name with the certificate could not take it: ACM refuses such a re-import.
    bundle = deployment.bundle
    names = [name for name in (bundle.common_name, *bundle.dns_names) if name]
    found = {arn: await acm.content(arn) for arn in await acm.tagged(deployment.delivery, names)}
    return {arn: content for arn, content in found.items() if content is not None}


def _require_same_key_type(arn: str, there: Content, wish: Content) -> None:
    if there.key_type != wish.key_type:
        raise Permanent(
            f"{arn} holds a {there.key_type} key and the new certificate a {wish.key_type} key: "
            "ACM keeps the key type and size of an ARN.",
            action="Let the sync give renewals a new identity, or go back to the former key type.",
        )
