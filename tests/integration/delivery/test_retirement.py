"""What is not wanted at a destination any more leaves it: after its grace, unused, once, and only what is ours."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.exceptions import ApplicationError
from tests.integration.acm_world import GRACE, AcmWorld
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import Delivery, OutboxRow
from certrail.pki.revocation import Reason
from certrail.services.core.failure import Failure
from certrail.services.delivery import retirement_planner
from certrail.services.delivery.deploy import DeployCall
from certrail.services.inventory.selectors import CertificateSelector
from certrail_sdk import Observation

pytestmark = pytest.mark.any_database

LOAD_BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/1"


async def test_a_superseded_object_leaves_after_its_grace(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (old,) = acm_world.there
    acm_world.renew(first)
    await acm_world.work()
    (new,) = acm_world.there - {old}
    acm_world.advance(GRACE - timedelta(minutes=1))
    await acm_world.work()
    assert acm_world.there == {old, new}
    acm_world.advance(timedelta(minutes=1))
    await acm_world.work()
    assert acm_world.there == {new}
    assert acm_world.plans() == [("superseded", "removed"), ("ended", "waiting")]
    (reported,) = acm_world.reported("delivery.removed")
    assert (reported["reference"], reported["reason"]) == (old, "superseded")
    assert acm_world.delivery().status == "delivered"


async def test_what_is_in_use_stays_until_it_is_not(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (old,) = acm_world.there
    acm_world.renew(first)
    await acm_world.work()
    acm_world.acm.settings.in_use[old] = [LOAD_BALANCER]
    acm_world.advance(GRACE)
    for _ in range(3):
        with pytest.raises(ApplicationError) as refusal:
            await acm_world.work()
        assert not refusal.value.non_retryable
    assert old in acm_world.there
    (reported,) = acm_world.reported("delivery.removal_failed")
    assert LOAD_BALANCER in reported["message"]
    assert not acm_world.acm.count("DeleteCertificate")
    acm_world.acm.settings.in_use.clear()
    await acm_world.work()
    assert old not in acm_world.there


async def test_what_is_in_use_neither_harms_the_new_one_nor_holds_up_others(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    first = acm_world.issue()
    await acm_world.work()
    (used,) = acm_world.there
    second = acm_world.renew(first)
    await acm_world.work()
    (free,) = acm_world.there - {used}
    acm_world.renew(second)
    await acm_world.work()
    (new,) = acm_world.there - {used, free}
    acm_world.acm.settings.in_use[used] = [LOAD_BALANCER]
    acm_world.advance(GRACE)
    with pytest.raises(ApplicationError):
        await acm_world.work()
    assert acm_world.there == {used, new}
    delivery, effects = acm_world.delivery(), acm_world.team.services.effects
    given_up = Failure("OutOfTime", "It never worked.", "Look.", "certrail", None, permanent=True)
    effects.deliver.fail(delivery.id, given_up, delivery.generation)
    assert acm_world.delivery().status == "delivered", "what was granted has not failed"
    assert not acm_world.reported("delivery.failed")
    assert effects.verify.begin(delivery.id, 1), "and is looked at"
    effects.remove.fail_to_begin(delivery.id, given_up)
    assert ("superseded", "failed") in acm_world.plans()
    assert acm_world.reported("delivery.removal_failed")[-1]["permanent"]


async def test_one_that_cannot_be_handed_over_does_not_hold_up_the_others(acm_world: AcmWorld) -> None:
    acm_world.sync(keep_identity=False)
    for name in ("a.example.com", "b.example.com"):
        first = acm_world.issue(name)
        await acm_world.work()
        acm_world.renew(first)
        await acm_world.work()
    assert len(acm_world.there) == 4
    acm_world.advance(GRACE)
    services = acm_world.team.services
    release, broken = retirement_planner.enqueue_delivery, list[str]()  # type: ignore[attr-defined]

    def once_broken(uow: Any, sync: Any, delivery: Delivery, reference: str) -> None:
        if not broken:
            broken.append(delivery.id)
        if delivery.id in broken:
            raise KeyError(reference)
        release(uow, sync, delivery, reference)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retirement_planner, "enqueue_delivery", once_broken)
        assert services.sweeps["retirements"]() == 2
        assert services.sweeps["retirements"]() == 0
    await acm_world.work()
    assert len(acm_world.there) == 3
    acm_world.advance(timedelta(hours=1))
    await acm_world.work()
    assert len(acm_world.there) == 2


async def test_a_renewal_that_keeps_its_place_moves_the_end(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.advance(-timedelta(days=40))  # ACM takes nothing that is not valid yet
    first = acm_world.issue()
    await acm_world.work()
    before = acm_world.team.services.inventory.get(first).not_after
    acm_world.advance(timedelta(days=30))
    acm_world.renew(first)
    await acm_world.work()
    acm_world.team.clock.now = before + GRACE
    await acm_world.work()
    assert acm_world.plans() == [("ended", "waiting")]
    acm_world.advance(timedelta(days=60))
    await acm_world.work()
    assert not acm_world.there
    assert acm_world.plans() == [("ended", "removed")]
    assert (acm_world.delivery().status, acm_world.delivery().receipt) == ("removed", None)


async def test_a_revoked_certificate_leaves_at_once_and_one_on_hold_stays(acm_world: AcmWorld) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    await acm_world.work()
    revocation = acm_world.team.services.revocation
    revocation.revoke(acm_world.team.admin, certificate, Reason.CERTIFICATE_HOLD)
    await acm_world.work()
    assert acm_world.there
    revocation.revoke(acm_world.team.admin, certificate, Reason.KEY_COMPROMISE)
    await acm_world.work()
    assert not acm_world.there
    assert acm_world.plans() == [("revoked", "removed")]


async def test_what_is_revoked_before_it_is_delivered_is_never_delivered(acm_world: AcmWorld) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    acm_world.team.services.revocation.revoke(acm_world.team.admin, certificate)
    await acm_world.work()
    assert not acm_world.acm.count("ImportCertificate")
    assert acm_world.delivery().status == "removed"


async def test_what_may_have_arrived_before_it_was_revoked_is_looked_for_and_leaves(
    acm_world: AcmWorld,
) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    services = acm_world.team.services
    work = services.effects.deliver.begin(acm_world.delivery().id, 1)
    assert isinstance(work, DeployCall)
    await work.destination.deploy(work.deployment)  # and the worker dies before it is written down
    services.revocation.revoke(acm_world.team.admin, certificate)
    await acm_world.work()
    await acm_world.work()
    assert not acm_world.there
    assert acm_world.plans() == [("revoked", "removed")]


async def test_nothing_leaves_where_nothing_is_to_be_removed(acm_world: AcmWorld) -> None:
    acm_world.sync(prune=False)
    certificate = acm_world.issue()
    await acm_world.work()
    acm_world.team.services.revocation.revoke(acm_world.team.admin, certificate)
    acm_world.advance(timedelta(days=400))
    await acm_world.work()
    assert acm_world.there
    assert not acm_world.plans()


async def test_what_is_not_selected_any_more_leaves_unless_it_is_again(acm_world: AcmWorld) -> None:
    acm_world.sync()
    acm_world.issue()
    await acm_world.work()
    syncs, here, admin = acm_world.team.services.syncs, acm_world.team.application, acm_world.team.admin
    others = CertificateSelector(metadata={"team": "others"})
    syncs.update(admin, here, "acm", selection=others)
    assert acm_world.plans() == [("unselected", "waiting")]
    syncs.update(admin, here, "acm", selection=CertificateSelector())
    assert acm_world.plans() == [("ended", "waiting")]
    syncs.update(admin, here, "acm", selection=others)
    acm_world.advance(GRACE)
    await acm_world.work()
    assert not acm_world.there
    syncs.update(admin, here, "acm", selection=CertificateSelector())
    await acm_world.work()
    assert len(acm_world.there) == 1, "what is wanted again comes back"


async def test_switched_on_later_it_holds_for_what_is_there_and_switched_off_for_nothing(
    acm_world: AcmWorld,
) -> None:
    acm_world.sync(prune=False)
    acm_world.issue()
    await acm_world.work()
    syncs, here, admin = acm_world.team.services.syncs, acm_world.team.application, acm_world.team.admin
    syncs.update(admin, here, "acm", prune=True)
    assert acm_world.plans() == [("ended", "waiting")]
    syncs.update(admin, here, "acm", prune=False)
    assert not acm_world.plans()


async def test_a_refusal_for_good_is_reported_and_retried_by_hand(acm_world: AcmWorld) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    await acm_world.work()
    (arn,) = acm_world.there
    acm_world.boto().remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "certrail:delivery"}])
    acm_world.team.services.revocation.revoke(acm_world.team.admin, certificate)
    await acm_world.work()
    assert acm_world.there == {arn}
    assert acm_world.plans() == [("revoked", "failed")]
    (reported,) = acm_world.reported("delivery.removal_failed")
    assert reported["permanent"]
    state = acm_world.team.services.deliveries.state(acm_world.delivery().id)
    assert not state.retiring, "the workflow rests until a person has acted"


class TestCleanup:
    """A sync is deleted, and takes what it delivered with it."""

    async def test_it_is_gone_when_its_last_object_is(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        acm_world.issue("b.example.com")
        await acm_world.work()
        assert len(acm_world.there) == 2
        syncs, here, admin = acm_world.team.services.syncs, acm_world.team.application, acm_world.team.admin
        held = next(iter(acm_world.there))
        acm_world.acm.settings.in_use[held] = [LOAD_BALANCER]
        assert syncs.delete(admin, here, "acm", cleanup=True) is not None
        with pytest.raises(Conflict):
            syncs.update(admin, here, "acm", name="Still here")
        for _ in range(2):
            with pytest.raises(ApplicationError):
                await acm_world.work()
        acm_world.issue("c.example.com")
        acm_world.acm.settings.in_use.clear()
        await acm_world.work()
        assert not acm_world.there
        with pytest.raises(NotFound):
            syncs.get(here, "acm")
        (reported,) = acm_world.reported("sync.deleted")
        assert reported["left_behind"] == []

    async def test_nothing_delivered_is_nothing_to_wait_for(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        syncs, here = acm_world.team.services.syncs, acm_world.team.application
        assert syncs.delete(acm_world.team.admin, here, "acm", cleanup=True) is None
        assert not syncs.list(here)

    async def test_what_is_on_its_way_arrives_first_and_then_leaves(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        deliver = acm_world.team.services.effects.deliver
        work = deliver.begin(acm_world.delivery().id, 1)
        assert isinstance(work, DeployCall)
        receipt = await work.destination.deploy(work.deployment)
        syncs, here = acm_world.team.services.syncs, acm_world.team.application
        assert syncs.delete(acm_world.team.admin, here, "acm", cleanup=True) is not None
        deliver.complete(work, receipt)
        await acm_world.work()
        assert not acm_world.there
        assert not syncs.list(here)

    async def test_what_died_on_its_way_is_looked_for_and_leaves(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        work = acm_world.team.services.effects.deliver.begin(acm_world.delivery().id, 1)
        assert isinstance(work, DeployCall)
        await work.destination.deploy(work.deployment)  # and the worker dies before it is written down
        syncs, here = acm_world.team.services.syncs, acm_world.team.application
        assert syncs.delete(acm_world.team.admin, here, "acm", cleanup=True) is not None
        await acm_world.work()
        assert not acm_world.there
        assert not syncs.list(here)

    async def test_what_is_refused_on_its_way_is_not_waited_for(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        deliver = acm_world.team.services.effects.deliver
        work = deliver.begin(acm_world.delivery().id, 1)
        assert isinstance(work, DeployCall)
        syncs, here = acm_world.team.services.syncs, acm_world.team.application
        assert syncs.delete(acm_world.team.admin, here, "acm", cleanup=True) is not None
        refusal = Failure("Unauthorized", "It is not allowed.", "Allow it.", "acm 1", None, permanent=True)
        deliver.fail(work.subject_id, refusal, work.generation)
        assert not syncs.list(here)
        (reported,) = acm_world.reported("sync.deleted")
        assert reported["left_behind"] == [work.deployment.name], "it may be there"

    async def test_what_was_changed_by_others_leaves_too(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        await acm_world.work()
        verify = acm_world.team.services.effects.verify
        call = verify.begin(acm_world.delivery().id, 1)
        assert call
        assert not verify.complete(call, Observation(present=True, fingerprint="00" * 32))
        syncs, here = acm_world.team.services.syncs, acm_world.team.application
        assert syncs.delete(acm_world.team.admin, here, "acm", cleanup=True) is not None
        await acm_world.work()
        assert not acm_world.there
        assert not syncs.list(here)

    async def test_without_it_everything_stays(self, acm_world: AcmWorld) -> None:
        acm_world.sync()
        acm_world.issue()
        await acm_world.work()
        acm_world.team.services.syncs.delete(acm_world.team.admin, acm_world.team.application, "acm")
        acm_world.advance(timedelta(days=400))
        await acm_world.work()
        assert len(acm_world.there) == 1
        assert len(acm_world.reported("sync.deleted")[0]["left_behind"]) == 1


def test_a_destination_that_cannot_remove_says_so(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = team.services.context.plugins
    # A class of its own: what Python once found out about a class it remembers for the rest of the process.
    keeps_all = type("KeepsAll", (plugins.destination("files"),), {"remove": None})
    monkeypatch.setattr(plugins, "destination", lambda _name: keeps_all)
    with pytest.raises(BadInput, match="cannot remove anything"):
        team.services.syncs.create(
            team.admin,
            team.application,
            slug="s",
            name="S",
            destination="files",
            config={"root": "/tmp"},
            prune=True,
        )


async def test_each_removal_is_reported_to_its_workflow(acm_world: AcmWorld) -> None:
    acm_world.sync()
    certificate = acm_world.issue()
    await acm_world.work()
    acm_world.team.services.revocation.revoke(acm_world.team.admin, certificate)
    with acm_world.team.services.context.db.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.flow == "delivery")).all()
    assert [bool(row.signal and row.signal.startswith("retirement-")) for row in rows] == [False, True]
