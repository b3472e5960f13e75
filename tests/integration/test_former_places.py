"""A sync that is pointed elsewhere: what it had put before leaves from where it is."""

from collections.abc import Iterator

import pytest
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.shelf import GRACE, Shelf

from certrail.crypto.keyring import Keyring
from certrail.domain.errors import Conflict
from certrail.persistence.tables import FormerPlace
from certrail.services.delivery.deliveries import Work
from certrail_standins.acm import AcmServer


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[AcmServer, AcmServer]]:
    with AcmServer() as one, AcmServer() as other:
        yield one, other


@pytest.fixture
def shelf(team: Team, accounts: tuple[AcmServer, AcmServer]) -> Shelf:
    for slug, account in zip(("aws", "other"), accounts, strict=True):
        account.reset()
        config = {
            "region": account.region,
            "access_key_id": account.access_key_id,
            "secret_access_key": account.secret_access_key,
            "endpoint_url": account.url,
        }
        team.services.connections.create(team.admin, slug=slug, name=slug, type_="aws", config=config)
    return Shelf(team, accounts[0])


@pytest.fixture
def other(accounts: tuple[AcmServer, AcmServer]) -> AcmServer:
    return accounts[1]


def point(shelf: Shelf, connection: str) -> None:
    shelf.team.services.syncs.update(shelf.team.admin, shelf.team.application, "acm", connection=connection)


async def test_what_is_in_the_former_account_leaves_it(shelf: Shelf, other: AcmServer) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    point(shelf, "other")
    await shelf.work()
    assert len(other.certificates()) == len(shelf.there) == 1, "the new one is there before the old one goes"
    shelf.advance(GRACE)
    await shelf.work()
    assert not shelf.there
    assert len(other.certificates()) == 1
    (told,) = shelf.told("delivery.removed")
    assert (told["reason"], told["changed"]) == ("superseded", True)


async def test_what_was_superseded_before_leaves_as_well(shelf: Shelf, other: AcmServer) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    shelf.renew(first)
    await shelf.work()
    assert len(shelf.there) == 2
    point(shelf, "other")
    await shelf.work()
    shelf.advance(GRACE)
    await shelf.work()
    assert not shelf.there
    assert len(other.certificates()) == 1


async def test_what_arrives_in_the_former_account_after_all_leaves_it(shelf: Shelf, other: AcmServer) -> None:
    shelf.sync()
    shelf.issue()
    deliveries = shelf.team.services.deliveries
    work = deliveries.begin(shelf.delivery().id, 1)
    assert isinstance(work, Work)
    point(shelf, "other")
    deliveries.complete(work, await work.destination.deploy(work.deployment))
    assert len(shelf.there) == 1
    await shelf.work()
    shelf.advance(GRACE)
    await shelf.work()
    assert not shelf.there
    assert len(other.certificates()) == 1


async def test_a_connection_stays_until_the_last_object_has_left_by_it(
    shelf: Shelf, other: AcmServer
) -> None:
    connections, admin = shelf.team.services.connections, shelf.team.admin
    shelf.sync()
    shelf.issue()
    await shelf.work()
    point(shelf, "other")
    with pytest.raises(Conflict, match="acm put there before"):
        connections.delete(admin, "aws")
    await shelf.work()
    with pytest.raises(Conflict, match="acm put there before"):
        connections.delete(admin, "aws")
    shelf.advance(GRACE)
    await shelf.work()
    connections.delete(admin, "aws")
    assert [row.slug for row in connections.list()] == ["other"]


async def test_pointed_there_and_back_nothing_is_taken_away_that_is_wanted(
    shelf: Shelf, other: AcmServer
) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    (arn,) = shelf.there
    point(shelf, "other")
    point(shelf, "aws")
    await shelf.work()
    shelf.advance(GRACE)
    await shelf.work()
    assert shelf.there == {arn}
    assert not other.certificates()


async def test_a_sync_that_is_cleaned_up_right_after_empties_the_former_account(shelf: Shelf) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    point(shelf, "other")
    shelf.team.services.syncs.delete(shelf.team.admin, shelf.team.application, "acm", cleanup=True)
    await shelf.work()
    assert not shelf.there
    assert not shelf.team.services.syncs.list(shelf.team.application)


async def test_without_removal_what_is_there_stays_and_is_not_in_the_way(
    shelf: Shelf, other: AcmServer
) -> None:
    shelf.sync(remove=False)
    shelf.issue()
    await shelf.work()
    point(shelf, "other")
    await shelf.work()
    shelf.advance(GRACE)
    await shelf.work()
    assert len(shelf.there) == len(other.certificates()) == 1
    shelf.team.services.connections.delete(shelf.team.admin, "aws")


async def test_former_places_are_sealed_anew_with_everything_else(shelf: Shelf) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    point(shelf, "other")
    kernel = shelf.team.services.kernel
    assert isinstance(kernel.keyring, Keyring)
    kernel.keyring.rotate()
    shelf.team.services.sealing.reseal()
    with kernel.db.read() as session:
        (place,) = session.exec(select(FormerPlace)).all()
    assert not kernel.keyring.needs_rotation(place.config_sealed)
