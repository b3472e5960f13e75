"""A deploy says that nothing is left to do only where that is so: its workflow then ends without another look."""

import asyncio
from dataclasses import replace

from tests.integration.folder_world import FolderWorld
from tests.integration.verbs import run_verb

from certrail.persistence.tables import Delivery
from certrail.services.core.actor import SYSTEM
from certrail.services.delivery.deploy import DeployCall, DeployOutcome
from certrail.services.delivery.retirement_planner import RetirementReason, mark_due, retire
from certrail_sdk import Observation
from certrail_workflows.messages import Deployed


def begun(world: FolderWorld) -> DeployCall:
    world.sync()
    world.issue()
    call = world.begun()
    assert call is not None
    return call


def completed(world: FolderWorld, call: DeployCall, seen: Observation | None = None) -> DeployOutcome:
    """The call is made, and recorded with what was read back."""
    answer = asyncio.run(call.perform())
    outcome = world.team.services.effects.deliver.complete(replace(call, seen=seen), answer)
    assert isinstance(outcome, DeployOutcome)
    return outcome


def held(call: DeployCall) -> Observation:
    return Observation(present=True, fingerprint=call.deployment.bundle.fingerprint)


def test_what_is_delivered_and_read_back_is_settled(folder_world: FolderWorld) -> None:
    folder_world.sync()
    folder_world.issue()
    ident = folder_world.delivery().id
    services = folder_world.team.services
    found = asyncio.run(run_verb(folder_world.team, services.effects.deliver, ident))
    assert found == Deployed(read=True, verified=True, settled=True)
    assert services.deliveries.state(ident).in_place


def test_a_newer_generation_is_not_settled(folder_world: FolderWorld) -> None:
    call = begun(folder_world)
    folder_world.team.services.deliveries.retry(folder_world.team.admin, call.subject_id)
    assert completed(folder_world, call, held(call)) == (True, True, False)


def test_another_certificate_at_the_destination_is_not_settled(folder_world: FolderWorld) -> None:
    call = begun(folder_world)
    other = Observation(present=True, fingerprint="0" * 64)
    assert completed(folder_world, call, other) == (True, False, False)


def test_what_was_not_read_back_has_to_be_looked_at(folder_world: FolderWorld) -> None:
    call = begun(folder_world)
    outcome = completed(folder_world, call)
    assert (outcome.read, outcome.verified) == (False, None)


def test_a_removal_that_is_due_is_not_settled(folder_world: FolderWorld) -> None:
    call = begun(folder_world)
    assert completed(folder_world, call, held(call)).settled
    services = folder_world.team.services
    with services.context.unit_of_work(SYSTEM) as uow:
        row = uow.session.get_one(Delivery, call.subject_id)
        removal = retire(uow, row, RetirementReason.ENDED, uow.now)
        assert removal
        mark_due(uow, removal)
    folder_world.trigger()
    again = folder_world.begun()
    assert again is not None
    assert completed(folder_world, again, held(again)) == (True, True, False)
    assert services.deliveries.state(call.subject_id).retiring


def test_a_delivery_that_was_deleted_meanwhile_is_not_settled(folder_world: FolderWorld) -> None:
    call = begun(folder_world)
    with folder_world.team.services.context.unit_of_work(SYSTEM) as uow:
        uow.session.delete(uow.session.get_one(Delivery, call.subject_id))
    assert not completed(folder_world, call, held(call)).settled
