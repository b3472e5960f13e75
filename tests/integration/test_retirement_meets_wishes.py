"""What is to leave meets what is wanted: nothing wanted is lost, and nothing unwanted stays."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from tests.integration.shelf import GRACE, Shelf
from tests.integration.test_retirement import LOAD_BALANCER, server, shelf

from certrail.services.delivery.deliveries import Work
from certrail.services.delivery.retirements import RemovalWork
from certrail.services.inventory.selectors import Selection

__all__ = ["server", "shelf"]


OTHERS = Selection(attributes={"team": "others"})


async def leaving_while(shelf: Shelf, something: Callable[[], object]) -> None:
    """Have the only object leave because it is not selected any more, and something happen while it goes."""
    services = shelf.team.services
    services.syncs.update(shelf.team.admin, shelf.team.application, "acm", selection=OTHERS)
    shelf.advance(GRACE)
    services.retirements.release()
    work = services.retirements.begin(shelf.delivery().id, 1)
    assert isinstance(work, RemovalWork)
    something()
    removal = await work.destination.remove(work.target)  # type: ignore[attr-defined]
    services.retirements.removed(work.retirement_id, removal)
    assert not shelf.there


async def test_what_is_selected_again_while_it_leaves_comes_back(shelf: Shelf) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    syncs, here, admin = shelf.team.services.syncs, shelf.team.application, shelf.team.admin
    await leaving_while(shelf, lambda: syncs.update(admin, here, "acm", selection=Selection()))
    await shelf.work()
    assert len(shelf.there) == 1
    assert shelf.delivery().status == "delivered"


async def test_a_retry_by_hand_while_it_leaves_is_granted(shelf: Shelf) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    deliveries, delivery = shelf.team.services.deliveries, shelf.delivery()
    await leaving_while(shelf, lambda: deliveries.retry(shelf.team.admin, delivery.id))
    assert not deliveries.state(delivery.id).in_place
    await shelf.work()
    assert len(shelf.there) == 1


async def test_a_renewal_that_comes_while_its_predecessor_leaves_is_delivered(shelf: Shelf) -> None:
    shelf.sync()
    shelf.advance(-timedelta(days=40))  # ACM takes nothing that is not valid yet
    first = shelf.issue()
    await shelf.work()
    syncs, here, admin = shelf.team.services.syncs, shelf.team.application, shelf.team.admin

    def renewed() -> None:
        syncs.update(admin, here, "acm", selection=Selection())
        shelf.renew(first)

    await leaving_while(shelf, renewed)
    await shelf.work()
    assert len(shelf.there) == 1
    assert shelf.delivery().status == "delivered"


async def test_removal_switched_off_spares_what_waits_for_its_users(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    (old,) = shelf.there
    shelf.renew(first)
    await shelf.work()
    shelf.acm.settings.in_use[old] = [LOAD_BALANCER]
    shelf.advance(GRACE)
    with pytest.raises(ApplicationError):
        await shelf.work()
    shelf.team.services.syncs.update(shelf.team.admin, shelf.team.application, "acm", remove=False)
    shelf.acm.settings.in_use.clear()
    await shelf.work()
    assert old in shelf.there
    assert ("superseded", "kept") in shelf.plans()


async def test_one_that_is_revoked_after_another_took_its_place_leaves_at_once(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    (old,) = shelf.there
    shelf.renew(first)
    await shelf.work()
    shelf.team.services.revocation.revoke(shelf.team.admin, first)
    await shelf.work()
    assert old not in shelf.there
    assert len(shelf.there) == 1


async def test_one_that_was_revoked_before_another_takes_its_place_leaves_at_once(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    (old,) = shelf.there
    shelf.renew(first)
    shelf.team.services.revocation.revoke(shelf.team.admin, first)
    await shelf.work()
    await shelf.work()
    assert old not in shelf.there
    assert len(shelf.there) == 1


async def test_what_is_not_selected_any_more_while_it_is_on_its_way_leaves(shelf: Shelf) -> None:
    shelf.sync()
    shelf.issue()
    services, here, admin = shelf.team.services, shelf.team.application, shelf.team.admin
    work = services.deliveries.begin(shelf.delivery().id, 1)
    assert isinstance(work, Work)
    receipt = await work.destination.deploy(work.deployment)
    services.syncs.update(admin, here, "acm", selection=OTHERS)
    services.deliveries.complete(work, receipt)
    shelf.advance(GRACE)
    await shelf.work()
    assert not shelf.there


async def test_one_whose_successor_never_came_leaves_when_it_is_revoked(shelf: Shelf) -> None:
    shelf.sync()
    first = shelf.issue()
    await shelf.work()
    second = shelf.renew(first)
    revocation = shelf.team.services.revocation
    revocation.revoke(shelf.team.admin, second)
    await shelf.work()
    assert len(shelf.there) == 1
    revocation.revoke(shelf.team.admin, first)
    await shelf.work()
    assert not shelf.there


async def test_one_whose_successor_never_came_leaves_when_it_has_ended(shelf: Shelf) -> None:
    shelf.sync()
    first = shelf.issue()
    await shelf.work()
    shelf.team.services.revocation.revoke(shelf.team.admin, shelf.renew(first))
    await shelf.work()
    assert len(shelf.there) == 1
    shelf.advance(timedelta(days=200))
    await shelf.work()
    assert not shelf.there


async def test_one_that_ended_while_its_successor_was_awaited_leaves_when_that_is_revoked(
    shelf: Shelf,
) -> None:
    shelf.sync()
    first = shelf.issue()
    await shelf.work()
    end = shelf.team.services.inventory.get(first).not_after
    shelf.team.clock.now = end - timedelta(days=1)
    second = shelf.renew(first)
    shelf.team.clock.now = end + GRACE
    services, delivery = shelf.team.services, shelf.delivery()
    services.retirements.release()
    assert services.retirements.begin(delivery.id, 1) is None
    assert shelf.plans() == [("ended", "kept")]
    services.revocation.revoke(shelf.team.admin, second)
    await shelf.work()
    await shelf.work()
    assert not shelf.there
