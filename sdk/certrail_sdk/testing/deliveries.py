"""Deployments as the engine sends them, and targets as it asks for them."""

from typing import Any

from certrail_sdk import Deployment, Destination, Observes, Receipt, Removes, Target
from certrail_sdk.testing.canary import config_secrets, secrets_in
from certrail_sdk.testing.material import renewed


def with_receipt(deployment: Deployment, receipt: Receipt) -> Deployment:
    """The deployment as the engine sends it after a successful one."""
    return deployment.model_copy(update={"receipt": receipt})


def uncertain(deployment: Deployment) -> Deployment:
    """The deployment as the engine sends it after a try whose end it did not see."""
    return deployment.model_copy(update={"may_exist": True})


def another(deployment: Deployment, number: int) -> Deployment:
    """The same material under a name of its own: a removed name may stay taken for a while."""
    return deployment.model_copy(
        update={"name": f"{deployment.name}-{number}", "delivery": f"{deployment.delivery}-{number}"}
    )


async def assert_no_second(destination: Destination[Any], deployment: Deployment) -> None:
    """Take the object away: where reading back is possible, nothing of the delivery may be left."""
    if isinstance(destination, Removes):
        await destination.remove(target_of(deployment))
        if isinstance(destination, Observes):
            left = await destination.observe(Target(delivery=deployment.delivery, name=deployment.name))
            assert not left.present, "the delivery has a second object"


def target_of(deployment: Deployment) -> Target:
    return Target(delivery=deployment.delivery, name=deployment.name, receipt=deployment.receipt)


def secrets_of(destination: Destination[Any], deployment: Deployment) -> list[str]:
    return [*config_secrets(destination), *secrets_in(deployment)]


def of_another_delivery(deployment: Deployment) -> Deployment:
    """Another certificate for another delivery, under the same name."""
    return renewed(deployment).model_copy(
        update={
            "delivery": f"{deployment.delivery}-other",
            "lineage": f"{deployment.lineage}-other",
            "receipt": None,
        }
    )
