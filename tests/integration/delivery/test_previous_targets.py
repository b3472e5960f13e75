"""A sync that is pointed elsewhere: what it had put before leaves from where it is."""

from collections.abc import Iterator

import pytest
from sqlmodel import select
from tests.integration.acm_world import GRACE, AcmWorld
from tests.integration.conftest import Team

from certrail.crypto.keyring import Keyring
from certrail.domain.errors import Conflict
from certrail.persistence.tables import PreviousTarget
from certrail.services.delivery.deploy import DeployCall
from certrail_fakes.acm import AcmServer

pytestmark = pytest.mark.any_database


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[AcmServer, AcmServer]]:
    with AcmServer() as one, AcmServer() as other:
        yield one, other


@pytest.fixture
def acm_world(team: Team, accounts: tuple[AcmServer, AcmServer]) -> AcmWorld:
    for slug, account in zip(("aws", "other"), accounts, strict=True):
        account.reset()
        config = {
            "region": account.region,
            "access_key_id": account.access_key_id,
            "secret_access_key": account.secret_access_key,
            "endpoint_url": account.url,
        }
        team.services.connections.create(team.admin, slug=slug, name=slug, type_="aws", config=config)
    return AcmWorld(team, accounts[0])


@pytest.fixture
def other(accounts: tuple[AcmServer, AcmServer]) -> AcmServer:
    return accounts[1]


def point(acm_world: AcmWorld, connection: str) -> None:
    acm_world.team.services.syncs.update(
        acm_world.team.admin, acm_world.team.application, "acm", connection=connection
    )


async def test_what_is_in_the_former_account_leaves_it(acm_world: AcmWorld, other: AcmServer) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    point(acm_world, "other")
    await acm_world.work()
    assert len(other.certificates()) == len(acm_world.there) == 1, (
        "the new one is there before the old one goes"
    )
    acm_world.advance(GRACE)
    await acm_world.work()
    assert not acm_world.there
    assert len(other.certificates()) == 1
    (reported,) = acm_world.reported("delivery.removed")
    assert (reported["reason"], reported["changed"]) == ("superseded", True)


async def test_what_was_superseded_before_leaves_as_well(acm_world: AcmWorld, other: AcmServer) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    acm_world.renew(first)
    await acm_world.work()
    assert len(acm_world.there) == 2
    point(acm_world, "other")
    await acm_world.work()
    acm_world.advance(GRACE)
    await acm_world.work()
    assert not acm_world.there
    assert len(other.certificates()) == 1


async def test_what_arrives_in_the_former_account_after_all_leaves_it(
    acm_world: AcmWorld, other: AcmServer
) -> None:
    acm_world.sync()
    acm_world.issue()
    deliver = acm_world.team.services.effects.deliver
    work = deliver.begin(acm_world.delivery().id, 1)
    assert isinstance(work, DeployCall)
    point(acm_world, "other")
    deliver.complete(work, await work.destination.deploy(work.deployment))
    assert len(acm_world.there) == 1
    await acm_world.work()
    acm_world.advance(GRACE)
    await acm_world.work()
    assert not acm_world.there
    assert len(other.certificates()) == 1


async def test_a_connection_stays_until_the_last_object_has_left_by_it(
    acm_world: AcmWorld, other: AcmServer
) -> None:
    connections, admin = acm_world.team.services.connections, acm_world.team.admin
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    point(acm_world, "other")
    with pytest.raises(Conflict, match="acm still removes objects"):
        connections.delete(admin, "aws")
    await acm_world.work()
    with pytest.raises(Conflict, match="acm still removes objects"):
        connections.delete(admin, "aws")
    acm_world.advance(GRACE)
    await acm_world.work()
    connections.delete(admin, "aws")
    assert [row.slug for row in connections.list()] == ["other"]


async def test_pointed_there_and_back_nothing_is_taken_away_that_is_wanted(
    acm_world: AcmWorld, other: AcmServer
) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    (arn,) = acm_world.there
    point(acm_world, "other")
    point(acm_world, "aws")
    await acm_world.work()
    acm_world.advance(GRACE)
    await acm_world.work()
    assert acm_world.there == {arn}
    assert not other.certificates()


async def test_a_sync_that_is_cleaned_up_right_after_empties_the_former_account(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    point(acm_world, "other")
    acm_world.team.services.syncs.delete(
        acm_world.team.admin, acm_world.team.application, "acm", cleanup=True
    )
    await acm_world.work()
    assert not acm_world.there
    assert not acm_world.team.services.syncs.list(acm_world.team.application)


async def test_without_removal_what_is_there_stays_and_is_not_in_the_way(
    acm_world: AcmWorld, other: AcmServer
) -> None:
    acm_world.sync(prune=False)
    acm_world.issue()
    await acm_world.work()
    point(acm_world, "other")
    await acm_world.work()
    acm_world.advance(GRACE)
    await acm_world.work()
    assert len(acm_world.there) == len(other.certificates()) == 1
    acm_world.team.services.connections.delete(acm_world.team.admin, "aws")


async def test_former_places_are_sealed_anew_with_everything_else(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    point(acm_world, "other")
    context = acm_world.team.services.context
    assert isinstance(context.keyring, Keyring)
    context.keyring.rotate()
    acm_world.team.services.key_rotation.reencrypt()
    with context.db.read() as session:
        (place,) = session.exec(select(PreviousTarget)).all()
    assert not context.keyring.needs_rotation(place.config_sealed)
