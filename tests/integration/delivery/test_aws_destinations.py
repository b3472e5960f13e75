"""One connection of type `aws` for four destinations: each takes the fields it knows, and follows a retargeted sync."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.acm_world import GRACE, AcmWorld
from tests.integration.conftest import Team

from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_elbv2 import Listener

pytestmark = pytest.mark.any_database


@pytest.fixture(scope="module")
def account() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.fixture
def aws(account: AwsServer) -> AwsServer:
    account.reset()
    return account


@pytest.fixture
def world(team: Team, aws: AwsServer) -> AcmWorld:
    urls = dict.fromkeys(
        ("endpoint_url", "elbv2_endpoint_url", "iam_endpoint_url", "secrets_manager_endpoint_url"), aws.url
    )
    config = aws.connection(**urls)
    team.services.connections.create(team.admin, slug="aws", name="AWS", type_="aws", config=config)
    return AcmWorld(team, aws)


def sync(world: AcmWorld, destination: str, **config: Any) -> None:
    world.team.services.syncs.create(
        world.team.admin,
        world.team.application,
        slug=destination,
        name=destination,
        destination=destination,
        config=config,
        connection="aws",
        prune=True,
        prune_grace_seconds=int(GRACE.total_seconds()),
    )


def receipts(world: AcmWorld) -> dict[str, dict[str, Any]]:
    """What each destination answered last, by its name."""
    services = world.team.services
    found = services.deliveries.list(world.team.application)
    slugs = {each.id: each.slug for each in services.syncs.list(world.team.application)}
    return {slugs[delivery.sync_id]: delivery.receipt or {} for delivery, _ in found}


async def test_one_connection_serves_all_of_them(world: AcmWorld, aws: AwsServer) -> None:
    web = aws.elbv2.add_listener(None)
    sync(world, "aws-acm")
    sync(world, "aws-elb", listeners=[web.arn])
    sync(world, "aws-iam")
    sync(world, "aws-secrets-manager", path="web")
    certificate = world.issue()
    await world.work()
    first = receipts(world)
    assert len(first) == 4
    assert all(receipt["changed"] for receipt in first.values())
    world.renew(certificate)
    await world.work()
    second = receipts(world)
    assert len({receipt["fingerprint"] for receipt in second.values()}) == 1
    for name, receipt in second.items():
        assert receipt["reference"] == first[name]["reference"]
        assert receipt["fingerprint"] != first[name]["fingerprint"]
    assert web.certificates == [second["aws-elb"]["reference"]]
    assert len(aws.certificates()) == 2
    assert len(aws.iam.certificates) == len(aws.secrets.secrets) == 1


async def test_a_listener_that_a_sync_no_longer_names_loses_the_certificate(
    world: AcmWorld, aws: AwsServer
) -> None:
    web, mail = aws.elbv2.add_listener(None), aws.elbv2.add_listener(None, load_balancer="mail")
    sync(world, "aws-elb", listeners=[web.arn, mail.arn])
    world.issue()
    await world.work()
    assert attached(web) == attached(mail) == 1
    world.team.services.syncs.update(
        world.team.admin, world.team.application, "aws-elb", config={"listeners": [web.arn]}
    )
    await world.work()
    world.advance(GRACE)
    await world.work()
    assert (attached(web), attached(mail)) == (1, 0)
    assert web.certificates == [receipts(world)["aws-elb"]["reference"]]
    assert len(aws.certificates()) == 1


def attached(listener: Listener) -> int:
    return len(listener.certificates)
