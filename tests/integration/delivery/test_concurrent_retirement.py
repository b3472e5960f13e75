"""Two steps on one sync at the same moment: one waits for the other, and nothing falls between them."""

from typing import Any

import pytest
from tests.integration.acm_world import AcmWorld
from tests.integration.concurrency import meanwhile

from certrail.domain.errors import NotFound
from certrail.services.delivery.deploy import DeployCall
from certrail.services.delivery.remove import RemoveCall
from certrail_sdk import Receipt, Removal


async def test_the_last_two_objects_of_a_sync_end_it(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    acm_world.issue("b.example.com")
    await acm_world.work()
    team, services = acm_world.team, acm_world.team.services
    assert services.syncs.delete(team.admin, team.application, "acm", cleanup=True) is not None
    works = [
        services.effects.remove.begin(row.id, 1) for row, _ in services.deliveries.list(team.application)
    ]
    first, second = [work for work in works if isinstance(work, RemoveCall)]
    meanwhile(
        team,
        lambda: services.effects.remove.complete(first, Removal(changed=True)),
        lambda: services.effects.remove.complete(second, Removal(changed=True)),
    )
    with pytest.raises(NotFound):
        services.syncs.get(team.application, "acm")


async def test_what_sets_out_while_its_sync_is_deleted_is_taken_along(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    team, services = acm_world.team, acm_world.team.services
    delivery, works = acm_world.delivery(), list[Any]()
    meanwhile(
        team,
        lambda: works.append(services.effects.deliver.begin(delivery.id, 1)),
        lambda: services.syncs.delete(team.admin, team.application, "acm", cleanup=True),
    )
    (work,) = works
    services.effects.deliver.complete(work, await work.destination.deploy(work.deployment))
    await acm_world.work()
    assert not acm_world.there
    assert not services.syncs.list(team.application)


async def test_what_sets_out_while_its_sync_is_deleted_is_reported(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    team, services = acm_world.team, acm_world.team.services
    delivery = acm_world.delivery()
    meanwhile(
        team,
        lambda: services.effects.deliver.begin(delivery.id, 1),
        lambda: services.syncs.delete(team.admin, team.application, "acm"),
    )
    (reported,) = acm_world.reported("sync.deleted")
    assert reported["left_behind"] == [delivery.object_name]


async def test_what_is_revoked_while_it_arrives_leaves(acm_world: AcmWorld) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    team, services = acm_world.team, acm_world.team.services
    work = services.effects.deliver.begin(acm_world.delivery().id, 1)
    assert isinstance(work, DeployCall)
    receipt = await work.destination.deploy(work.deployment)
    assert isinstance(receipt, Receipt)
    meanwhile(
        team,
        lambda: services.effects.deliver.complete(work, receipt),
        lambda: services.revocation.revoke(team.admin, certificate),
    )
    await acm_world.work()
    assert not acm_world.there
