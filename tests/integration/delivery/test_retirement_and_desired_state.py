"""What is to leave meets what is wanted: nothing wanted is lost, and nothing unwanted stays."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from tests.integration.acm_world import GRACE, AcmWorld
from tests.integration.delivery.test_retirement import LOAD_BALANCER

from certrail.services.delivery.deploy import DeployCall
from certrail.services.delivery.remove import RemoveCall
from certrail.services.inventory.selectors import CertificateSelector

OTHERS = CertificateSelector(metadata={"team": "others"})


async def departing_while(acm_world: AcmWorld, something: Callable[[], object]) -> None:
    """Have the only object leave because it is not selected any more, and something happen while it goes."""
    services = acm_world.team.services
    services.syncs.update(acm_world.team.admin, acm_world.team.application, "acm", selection=OTHERS)
    acm_world.advance(GRACE)
    services.retirements.start_due()
    work = services.effects.remove.begin(acm_world.delivery().id, 1)
    assert isinstance(work, RemoveCall)
    something()
    removal = await work.destination.remove(work.target)  # type: ignore[attr-defined]
    services.effects.remove.complete(work, removal)
    assert not acm_world.there


async def test_what_is_selected_again_while_it_leaves_comes_back(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    syncs, here, admin = acm_world.team.services.syncs, acm_world.team.application, acm_world.team.admin
    await departing_while(
        acm_world, lambda: syncs.update(admin, here, "acm", selection=CertificateSelector())
    )
    await acm_world.work()
    assert len(acm_world.there) == 1
    assert acm_world.delivery().status == "delivered"


async def test_a_retry_by_hand_while_it_leaves_is_granted(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    deliveries, delivery = acm_world.team.services.deliveries, acm_world.delivery()
    await departing_while(acm_world, lambda: deliveries.retry(acm_world.team.admin, delivery.id))
    assert not deliveries.state(delivery.id).in_place
    await acm_world.work()
    assert len(acm_world.there) == 1


async def test_a_renewal_that_comes_while_its_predecessor_leaves_is_delivered(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.advance(-timedelta(days=40))  # ACM takes nothing that is not valid yet
    first = acm_world.issue()
    await acm_world.work()
    syncs, here, admin = acm_world.team.services.syncs, acm_world.team.application, acm_world.team.admin

    def renewed() -> None:
        syncs.update(admin, here, "acm", selection=CertificateSelector())
        acm_world.renew(first)

    await departing_while(acm_world, renewed)
    await acm_world.work()
    assert len(acm_world.there) == 1
    assert acm_world.delivery().status == "delivered"


async def test_removal_switched_off_spares_what_waits_for_its_users(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (old,) = acm_world.there
    acm_world.renew(first)
    await acm_world.work()
    acm_world.acm.settings.in_use[old] = [LOAD_BALANCER]
    acm_world.advance(GRACE)
    with pytest.raises(ApplicationError):
        await acm_world.work()
    acm_world.team.services.syncs.update(acm_world.team.admin, acm_world.team.application, "acm", prune=False)
    acm_world.acm.settings.in_use.clear()
    await acm_world.work()
    assert old in acm_world.there
    assert ("superseded", "kept") in acm_world.plans()


async def test_one_that_is_revoked_after_another_took_its_place_leaves_at_once(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (old,) = acm_world.there
    acm_world.renew(first)
    await acm_world.work()
    acm_world.team.services.revocation.revoke(acm_world.team.admin, first)
    await acm_world.work()
    assert old not in acm_world.there
    assert len(acm_world.there) == 1


async def test_one_that_was_revoked_before_another_takes_its_place_leaves_at_once(
    acm_world: AcmWorld,
) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (old,) = acm_world.there
    acm_world.renew(first)
    acm_world.team.services.revocation.revoke(acm_world.team.admin, first)
    await acm_world.work()
    await acm_world.work()
    assert old not in acm_world.there
    assert len(acm_world.there) == 1


async def test_what_is_not_selected_any_more_while_it_is_on_its_way_leaves(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    services, here, admin = acm_world.team.services, acm_world.team.application, acm_world.team.admin
    work = services.effects.deliver.begin(acm_world.delivery().id, 1)
    assert isinstance(work, DeployCall)
    receipt = await work.destination.deploy(work.deployment)
    services.syncs.update(admin, here, "acm", selection=OTHERS)
    services.effects.deliver.complete(work, receipt)
    acm_world.advance(GRACE)
    await acm_world.work()
    assert not acm_world.there


async def test_one_whose_successor_never_came_leaves_when_it_is_revoked(acm_world: AcmWorld) -> None:
    acm_world.sync()
    first = acm_world.issue()
    await acm_world.work()
    second = acm_world.renew(first)
    revocation = acm_world.team.services.revocation
    revocation.revoke(acm_world.team.admin, second)
    await acm_world.work()
    assert len(acm_world.there) == 1
    revocation.revoke(acm_world.team.admin, first)
    await acm_world.work()
    assert not acm_world.there


async def test_one_whose_successor_never_came_leaves_when_it_has_ended(acm_world: AcmWorld) -> None:
    acm_world.sync()
    first = acm_world.issue()
    await acm_world.work()
    acm_world.team.services.revocation.revoke(acm_world.team.admin, acm_world.renew(first))
    await acm_world.work()
    assert len(acm_world.there) == 1
    acm_world.advance(timedelta(days=200))
    await acm_world.work()
    assert not acm_world.there


async def test_one_that_ended_while_its_successor_was_awaited_leaves_when_that_is_revoked(
    acm_world: AcmWorld,
) -> None:
    acm_world.sync()
    first = acm_world.issue()
    await acm_world.work()
    end = acm_world.team.services.inventory.get(first).not_after
    acm_world.team.clock.now = end - timedelta(days=1)
    second = acm_world.renew(first)
    acm_world.team.clock.now = end + GRACE
    services, delivery = acm_world.team.services, acm_world.delivery()
    services.retirements.start_due()
    assert services.effects.remove.begin(delivery.id, 1) is None
    assert acm_world.plans() == [("ended", "kept")]
    services.revocation.revoke(acm_world.team.admin, second)
    await acm_world.work()
    await acm_world.work()
    assert not acm_world.there
