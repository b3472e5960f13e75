"""What is not wanted at a destination any more leaves it: after its grace, unused, once, and only what is ours."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.exceptions import ApplicationError
from tests.integration.conftest import Team
from tests.integration.shelf import GRACE, Shelf

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import Delivery, OutboxRow
from certrail.pki.revocation import Reason
from certrail.services.core.failure import Failure
from certrail.services.delivery import retirement_planner
from certrail.services.inventory.selectors import Selection
from certrail_sdk import Observation
from certrail_standins.acm import AcmServer

LOAD_BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/1"


@pytest.fixture(scope="module")
def server() -> Iterator[AcmServer]:
    with AcmServer() as server:
        yield server


@pytest.fixture
def shelf(team: Team, server: AcmServer) -> Shelf:
    server.reset()
    team.services.connections.create(
        team.admin,
        slug="aws",
        name="AWS",
        type_="aws",
        config={
            "region": server.region,
            "access_key_id": server.access_key_id,
            "secret_access_key": server.secret_access_key,
            "endpoint_url": server.url,
        },
    )
    return Shelf(team, server)


async def test_a_superseded_object_leaves_after_its_grace(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    (old,) = shelf.there
    shelf.renew(first)
    await shelf.work()
    (new,) = shelf.there - {old}
    shelf.advance(GRACE - timedelta(minutes=1))
    await shelf.work()
    assert shelf.there == {old, new}
    shelf.advance(timedelta(minutes=1))
    await shelf.work()
    assert shelf.there == {new}
    assert shelf.plans() == [("superseded", "removed"), ("ended", "waiting")]
    (told,) = shelf.told("delivery.removed")
    assert (told["reference"], told["reason"]) == (old, "superseded")
    assert shelf.delivery().status == "delivered"


async def test_what_is_in_use_stays_until_it_is_not(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    (old,) = shelf.there
    shelf.renew(first)
    await shelf.work()
    shelf.acm.settings.in_use[old] = [LOAD_BALANCER]
    shelf.advance(GRACE)
    for _ in range(3):
        with pytest.raises(ApplicationError) as refusal:
            await shelf.work()
        assert not refusal.value.non_retryable
    assert old in shelf.there
    (told,) = shelf.told("delivery.removal_failed")
    assert LOAD_BALANCER in told["message"]
    assert not shelf.acm.count("DeleteCertificate")
    shelf.acm.settings.in_use.clear()
    await shelf.work()
    assert old not in shelf.there


async def test_what_is_in_use_neither_harms_the_new_one_nor_holds_up_others(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    first = shelf.issue()
    await shelf.work()
    (used,) = shelf.there
    second = shelf.renew(first)
    await shelf.work()
    (free,) = shelf.there - {used}
    shelf.renew(second)
    await shelf.work()
    (new,) = shelf.there - {used, free}
    shelf.acm.settings.in_use[used] = [LOAD_BALANCER]
    shelf.advance(GRACE)
    with pytest.raises(ApplicationError):
        await shelf.work()
    assert shelf.there == {used, new}
    delivery, deliveries = shelf.delivery(), shelf.team.services.deliveries
    given_up = Failure("OutOfTime", "It never worked.", "Look.", "certrail", None, permanent=True)
    deliveries.failed(delivery.id, delivery.wishes, given_up)
    assert shelf.delivery().status == "delivered", "what was granted has not failed"
    assert not shelf.told("delivery.failed")
    assert deliveries.begin_verify(delivery.id), "and is looked at"
    shelf.team.services.retirements.failed_to_begin(delivery.id, given_up)
    assert ("superseded", "failed") in shelf.plans()
    assert shelf.told("delivery.removal_failed")[-1]["permanent"]


async def test_one_that_cannot_be_handed_over_does_not_hold_up_the_others(shelf: Shelf) -> None:
    shelf.sync(keep_identity=False)
    for name in ("a.example.com", "b.example.com"):
        first = shelf.issue(name)
        await shelf.work()
        shelf.renew(first)
        await shelf.work()
    assert len(shelf.there) == 4
    shelf.advance(GRACE)
    services = shelf.team.services
    release, broken = retirement_planner.enqueue_delivery, list[str]()

    def once_broken(change: Any, sync: Any, delivery: Delivery, reference: str) -> None:
        if not broken:
            broken.append(delivery.id)
        if delivery.id in broken:
            raise KeyError(reference)
        release(change, sync, delivery, reference)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaving, "enqueue_delivery", once_broken)
        assert services.sweeps["retirements"]() == 2
        assert services.sweeps["retirements"]() == 0
    await shelf.work()
    assert len(shelf.there) == 3
    shelf.advance(timedelta(hours=1))
    await shelf.work()
    assert len(shelf.there) == 2


async def test_a_renewal_that_keeps_its_place_moves_the_end(shelf: Shelf) -> None:
    shelf.sync()
    shelf.advance(-timedelta(days=40))  # ACM takes nothing that is not valid yet
    first = shelf.issue()
    await shelf.work()
    before = shelf.team.services.inventory.get(first).not_after
    shelf.advance(timedelta(days=30))
    shelf.renew(first)
    await shelf.work()
    shelf.team.clock.now = before + GRACE
    await shelf.work()
    assert shelf.plans() == [("ended", "waiting")]
    shelf.advance(timedelta(days=60))
    await shelf.work()
    assert not shelf.there
    assert shelf.plans() == [("ended", "removed")]
    assert (shelf.delivery().status, shelf.delivery().receipt) == ("removed", None)


async def test_a_revoked_certificate_leaves_at_once_and_one_on_hold_stays(shelf: Shelf) -> None:
    shelf.sync()
    certificate = shelf.issue()
    await shelf.work()
    revocation = shelf.team.services.revocation
    revocation.revoke(shelf.team.admin, certificate, Reason.CERTIFICATE_HOLD)
    await shelf.work()
    assert shelf.there
    revocation.revoke(shelf.team.admin, certificate, Reason.KEY_COMPROMISE)
    await shelf.work()
    assert not shelf.there
    assert shelf.plans() == [("revoked", "removed")]


async def test_what_is_revoked_before_it_is_delivered_is_never_delivered(shelf: Shelf) -> None:
    shelf.sync()
    certificate = shelf.issue()
    shelf.team.services.revocation.revoke(shelf.team.admin, certificate)
    await shelf.work()
    assert not shelf.acm.count("ImportCertificate")
    assert shelf.delivery().status == "removed"


async def test_what_may_have_arrived_before_it_was_revoked_is_looked_for_and_leaves(shelf: Shelf) -> None:
    shelf.sync()
    certificate = shelf.issue()
    services = shelf.team.services
    work = services.deliveries.begin(shelf.delivery().id, 1)
    assert work
    await work.destination.deploy(work.deployment)  # and the worker dies before it is written down
    services.revocation.revoke(shelf.team.admin, certificate)
    await shelf.work()
    await shelf.work()
    assert not shelf.there
    assert shelf.plans() == [("revoked", "removed")]


async def test_nothing_leaves_where_nothing_is_to_be_removed(shelf: Shelf) -> None:
    shelf.sync(remove=False)
    certificate = shelf.issue()
    await shelf.work()
    shelf.team.services.revocation.revoke(shelf.team.admin, certificate)
    shelf.advance(timedelta(days=400))
    await shelf.work()
    assert shelf.there
    assert not shelf.plans()


async def test_what_is_not_selected_any_more_leaves_unless_it_is_again(shelf: Shelf) -> None:
    shelf.sync()
    shelf.issue()
    await shelf.work()
    syncs, here, admin = shelf.team.services.syncs, shelf.team.application, shelf.team.admin
    others = Selection(attributes={"team": "others"})
    syncs.update(admin, here, "acm", selection=others)
    assert shelf.plans() == [("unselected", "waiting")]
    syncs.update(admin, here, "acm", selection=Selection())
    assert shelf.plans() == [("ended", "waiting")]
    syncs.update(admin, here, "acm", selection=others)
    shelf.advance(GRACE)
    await shelf.work()
    assert not shelf.there
    syncs.update(admin, here, "acm", selection=Selection())
    await shelf.work()
    assert len(shelf.there) == 1, "what is wanted again comes back"


async def test_switched_on_later_it_holds_for_what_is_there_and_switched_off_for_nothing(
    shelf: Shelf,
) -> None:
    shelf.sync(remove=False)
    shelf.issue()
    await shelf.work()
    syncs, here, admin = shelf.team.services.syncs, shelf.team.application, shelf.team.admin
    syncs.update(admin, here, "acm", remove=True)
    assert shelf.plans() == [("ended", "waiting")]
    syncs.update(admin, here, "acm", remove=False)
    assert not shelf.plans()


async def test_a_refusal_for_good_is_told_and_retried_by_hand(shelf: Shelf) -> None:
    shelf.sync()
    certificate = shelf.issue()
    await shelf.work()
    (arn,) = shelf.there
    shelf.boto().remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "certrail:delivery"}])
    shelf.team.services.revocation.revoke(shelf.team.admin, certificate)
    await shelf.work()
    assert shelf.there == {arn}
    assert shelf.plans() == [("revoked", "failed")]
    (told,) = shelf.told("delivery.removal_failed")
    assert told["permanent"]
    state = shelf.team.services.deliveries.state(shelf.delivery().id)
    assert not state.retiring, "the workflow rests until a person has acted"


class TestCleanup:
    """A sync is deleted, and takes what it delivered with it."""

    async def test_it_is_gone_when_its_last_object_is(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        shelf.issue("b.example.com")
        await shelf.work()
        assert len(shelf.there) == 2
        syncs, here, admin = shelf.team.services.syncs, shelf.team.application, shelf.team.admin
        held = next(iter(shelf.there))
        shelf.acm.settings.in_use[held] = [LOAD_BALANCER]
        assert syncs.delete(admin, here, "acm", cleanup=True) is not None
        with pytest.raises(Conflict):
            syncs.update(admin, here, "acm", name="Still here")
        for _ in range(2):
            with pytest.raises(ApplicationError):
                await shelf.work()
        shelf.issue("c.example.com")
        shelf.acm.settings.in_use.clear()
        await shelf.work()
        assert not shelf.there
        with pytest.raises(NotFound):
            syncs.get(here, "acm")
        (told,) = shelf.told("sync.deleted")
        assert told["left_behind"] == []

    async def test_nothing_delivered_is_nothing_to_wait_for(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        syncs, here = shelf.team.services.syncs, shelf.team.application
        assert syncs.delete(shelf.team.admin, here, "acm", cleanup=True) is None
        assert not syncs.list(here)

    async def test_what_is_on_its_way_arrives_first_and_then_leaves(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        deliveries = shelf.team.services.deliveries
        work = deliveries.begin(shelf.delivery().id, 1)
        assert work
        receipt = await work.destination.deploy(work.deployment)
        syncs, here = shelf.team.services.syncs, shelf.team.application
        assert syncs.delete(shelf.team.admin, here, "acm", cleanup=True) is not None
        deliveries.complete(work, receipt)
        await shelf.work()
        assert not shelf.there
        assert not syncs.list(here)

    async def test_what_died_on_its_way_is_looked_for_and_leaves(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        work = shelf.team.services.deliveries.begin(shelf.delivery().id, 1)
        assert work
        await work.destination.deploy(work.deployment)  # and the worker dies before it is written down
        syncs, here = shelf.team.services.syncs, shelf.team.application
        assert syncs.delete(shelf.team.admin, here, "acm", cleanup=True) is not None
        await shelf.work()
        assert not shelf.there
        assert not syncs.list(here)

    async def test_what_is_refused_on_its_way_is_not_waited_for(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        deliveries = shelf.team.services.deliveries
        work = deliveries.begin(shelf.delivery().id, 1)
        assert work
        syncs, here = shelf.team.services.syncs, shelf.team.application
        assert syncs.delete(shelf.team.admin, here, "acm", cleanup=True) is not None
        refusal = Failure("Unauthorized", "It is not allowed.", "Allow it.", "acm 1", None, permanent=True)
        deliveries.failed(work.delivery_id, work.wish, refusal)
        assert not syncs.list(here)
        (told,) = shelf.told("sync.deleted")
        assert told["left_behind"] == [work.deployment.name], "it may be there"

    async def test_what_was_changed_by_others_leaves_too(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        await shelf.work()
        deliveries, delivery = shelf.team.services.deliveries, shelf.delivery()
        other = Observation(present=True, fingerprint="00" * 32)
        assert not deliveries.verified(delivery.id, delivery.desired_certificate_id, other)
        syncs, here = shelf.team.services.syncs, shelf.team.application
        assert syncs.delete(shelf.team.admin, here, "acm", cleanup=True) is not None
        await shelf.work()
        assert not shelf.there
        assert not syncs.list(here)

    async def test_without_it_everything_stays(self, shelf: Shelf) -> None:
        shelf.sync()
        shelf.issue()
        await shelf.work()
        shelf.team.services.syncs.delete(shelf.team.admin, shelf.team.application, "acm")
        shelf.advance(timedelta(days=400))
        await shelf.work()
        assert len(shelf.there) == 1
        assert len(shelf.told("sync.deleted")[0]["left_behind"]) == 1


def test_a_destination_that_cannot_remove_says_so(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = team.services.kernel.plugins
    # A class of its own: what Python once found out about a class it remembers for the rest of the process.
    keeps_all = type("KeepsAll", (plugins.destination("files"),), {"remove": None})
    monkeypatch.setattr(plugins, "destination", lambda _name: keeps_all)
    with pytest.raises(BadInput, match="cannot take anything away"):
        team.services.syncs.create(
            team.admin,
            team.application,
            slug="s",
            name="S",
            destination="files",
            config={"root": "/tmp"},
            remove=True,
        )


async def test_each_removal_is_told_to_its_workflow(shelf: Shelf) -> None:
    shelf.sync()
    certificate = shelf.issue()
    await shelf.work()
    shelf.team.services.revocation.revoke(shelf.team.admin, certificate)
    with shelf.team.services.kernel.db.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.flow == "delivery")).all()
    assert [bool(row.signal and row.signal.startswith("retirement-")) for row in rows] == [False, True]
