"""What makes a sync deliver: a choice of certificates, a change of what is put there, and somebody's word."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from temporalio.testing import ActivityEnvironment
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput, Conflict
from certrail.persistence.tables import Delivery, Incident, OutboxRow
from certrail.pki.revocation import Reason
from certrail.services.alerting.alerts import Escalation
from certrail.services.core.failure import Failure
from certrail.services.delivery.deliveries import Work
from certrail.services.integrations.plugin_config import MASK
from certrail.services.inventory.selectors import Selection
from certrail_sdk import Observation
from certrail_workflows.activities.plugin import DeliveryActivities

REFUSED = Failure("Unauthorized", "It is not allowed.", "Allow it.", "files 1", None, permanent=True)


@dataclass
class Desk:
    """Syncs to folders, and their deliveries as their workflows make them."""

    team: Team

    def sync(self, slug: str = "files", **options: Any) -> None:
        given = {"config": {}, "connection": "one", **options}
        self.team.services.syncs.create(
            self.team.admin, self.team.application, slug=slug, name=slug, destination="files", **given
        )

    def update(self, **changes: Any) -> None:
        self.team.services.syncs.update(self.team.admin, self.team.application, "files", **changes)

    def trigger(self, *lineages: str) -> int:
        return self.team.services.syncs.trigger(self.team.admin, self.team.application, "files", lineages)

    def issue(self, name: str = "a.example.com") -> str:
        request, _ = self.team.ask(self.team.admin, name)
        self.team.services.issuance.advance(request)
        return self.team.services.requests.get(request).certificate_id or ""

    def lineage(self, certificate: str) -> str:
        return self.team.services.inventory.get(certificate).lineage_id

    def deliveries(self) -> list[Delivery]:
        rows = self.team.services.deliveries.list(self.team.application)
        return [row for row, _ in rows]

    def delivery(self) -> Delivery:
        (row,) = self.deliveries()
        return row

    def begun(self) -> Work | None:
        return self.team.services.deliveries.begin(self.delivery().id, 1)

    async def work(self) -> None:
        services = self.team.services
        activities = DeliveryActivities(services.deliveries, services.retirements, self.team.clock)
        for delivery in self.deliveries():
            await ActivityEnvironment().run(activities.deliver, delivery.id)

    def fail(self) -> None:
        """The destination refuses what is wanted now."""
        row = self.delivery()
        assert self.begun()
        self.team.services.deliveries.failed(row.id, row.wishes, REFUSED)

    def told(self, type_: str) -> list[dict[str, Any]]:
        return [event.data for event in self.team.services.record.events(None, type_=type_, limit=1000)]

    def handed_over(self) -> int:
        """How often deliveries' workflows were told of something."""
        with self.team.services.kernel.db.read() as session:
            return len(session.exec(select(OutboxRow).where(OutboxRow.flow == "delivery")).all())


@pytest.fixture
def desk(team: Team, tmp_path: Path) -> Desk:
    for slug in ("one", "two"):
        (tmp_path / slug).mkdir()
        config = {"root": str(tmp_path / slug)}
        team.services.connections.create(team.admin, slug=slug, name=slug, type_="folder", config=config)
    return Desk(team)


class TestByHand:
    async def test_what_is_not_automatic_waits_for_somebodys_word(self, desk: Desk) -> None:
        desk.sync(auto=False)
        first, second = desk.issue("a.example.com"), desk.issue("b.example.com")
        assert desk.deliveries() == []
        assert desk.trigger(desk.lineage(first)) == 1
        assert [row.desired_certificate_id for row in desk.deliveries()] == [first]
        assert desk.trigger() == 2
        await desk.work()
        assert {(row.desired_certificate_id, row.status) for row in desk.deliveries()} == {
            (first, "delivered"),
            (second, "delivered"),
        }
        assert [told["certificates"] for told in desk.told("sync.triggered")] == [1, 2]

    async def test_what_is_delivered_is_delivered_again_and_nothing_changes(self, desk: Desk) -> None:
        desk.sync()
        desk.issue()
        await desk.work()
        assert desk.begun() is None
        assert desk.trigger() == 1
        await desk.work()
        assert [told["changed"] for told in desk.told("delivery.delivered")] == [True, False]
        before = desk.handed_over()
        desk.team.services.deliveries.retry(desk.team.admin, desk.delivery().id)
        assert desk.handed_over() == before + 1
        await desk.work()
        assert [told["changed"] for told in desk.told("delivery.delivered")] == [True, False, False]

    def test_only_what_it_carries(self, desk: Desk) -> None:
        desk.sync(selection=Selection(names=("b.*",)))
        other = desk.lineage(desk.issue("a.example.com"))
        with pytest.raises(BadInput, match="carries no active certificate"):
            desk.trigger(other)
        assert desk.trigger() == 0

    async def test_not_while_it_is_being_deleted(self, desk: Desk) -> None:
        desk.sync()
        desk.issue()
        await desk.work()
        desk.team.services.syncs.delete(desk.team.admin, desk.team.application, "files", cleanup=True)
        with pytest.raises(Conflict, match="being deleted"):
            desk.trigger()


class TestChanges:
    async def test_another_content_is_brought_to_everything(self, desk: Desk) -> None:
        desk.sync()
        desk.issue("a.example.com")
        desk.issue("b.example.com")
        await desk.work()
        desk.update(include_root=True)
        assert {row.status for row in desk.deliveries()} == {"pending"}
        await desk.work()
        assert {row.status for row in desk.deliveries()} == {"delivered"}
        told = desk.handed_over()
        desk.update(include_root=True, name="Called otherwise")
        assert desk.handed_over() == told

    async def test_what_was_on_its_way_before_the_change_does_not_count(self, desk: Desk) -> None:
        desk.sync()
        desk.issue()
        work = desk.begun()
        assert work
        desk.update(include_root=True)
        receipt = await work.destination.deploy(work.deployment)
        desk.team.services.deliveries.complete(work, receipt)
        row = desk.delivery()
        assert (row.status, row.receipt) == ("pending", receipt.model_dump(mode="json"))
        again = desk.begun()
        assert again
        assert again.deployment.bundle.root
        desk.team.services.deliveries.complete(again, await again.destination.deploy(again.deployment))
        desk.team.services.deliveries.complete(
            work, receipt
        )  # that its worker was slow to say so changes nothing
        assert desk.delivery().status == "delivered"
        assert desk.begun() is None

    def test_nor_does_its_failure(self, desk: Desk) -> None:
        desk.sync()
        desk.issue()
        work = desk.begun()
        assert work
        desk.update(connection="two")
        desk.team.services.deliveries.failed(work.delivery_id, work.wish, REFUSED)
        assert desk.delivery().status == "pending"
        assert desk.begun()

    async def test_another_secret_is_tried_where_something_failed(self, desk: Desk) -> None:
        desk.sync(config={"format": "pkcs12", "password": "hunter2-hunter2"})
        desk.issue()
        await desk.work()
        told = desk.handed_over()
        desk.update(config={"format": "pkcs12", "password": "hunter3-hunter3"})
        assert desk.handed_over() == told
        desk.trigger()
        desk.fail()
        assert desk.begun() is None
        desk.update(config={"format": "pkcs12", "password": MASK})
        await desk.work()
        assert desk.delivery().status == "delivered"
        assert len(desk.told("delivery.recovered")) == 1

    async def test_other_credentials_are_tried_where_something_failed(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        desk.sync()
        desk.sync("second", connection="two")
        desk.issue()
        await desk.work()
        told = desk.handed_over()
        row = desk.deliveries()[0]
        desk.team.services.deliveries.retry(desk.team.admin, row.id)
        assert desk.team.services.deliveries.begin(row.id, 1)
        desk.team.services.deliveries.failed(row.id, row.wishes + 1, REFUSED)
        connections, admin = desk.team.services.connections, desk.team.admin
        connections.update(admin, "one", {"root": str(tmp_path / "one")})
        assert desk.handed_over() == told + 1, "nothing is changed"
        (tmp_path / "three").mkdir()
        connections.update(admin, "one", {"root": str(tmp_path / "three")})
        connections.update(admin, "two", {"root": str(tmp_path / "three")})
        assert desk.handed_over() == told + 2
        await desk.work()
        assert {row.status for row in desk.deliveries()} == {"delivered"}


class TestChoice:
    def test_by_patterns_of_names(self, desk: Desk) -> None:
        desk.sync(selection=Selection(names=("*.shop.example.com", "PAY.example.com")))
        chosen = {desk.issue("eu.shop.example.com"), desk.issue("pay.example.com")}
        desk.issue("a.example.com")
        assert {row.desired_certificate_id for row in desk.deliveries()} == chosen

    def test_a_look_at_it_delivers_nothing(self, desk: Desk) -> None:
        certificates = [desk.issue("a.example.com"), desk.issue("b.example.com")]
        desk.team.services.revocation.revoke(desk.team.admin, desk.issue("c.example.com"), Reason.SUPERSEDED)
        syncs, here = desk.team.services.syncs, desk.team.application
        rows = syncs.preview(
            here,
            destination="files",
            selection=Selection(names=("*.example.com",)),
            name_schema="{{common_name}}-{{certificate_id}}",
        )
        assert {(row.id, name) for row, name in rows} == {
            (ident, f"{name}.example.com-{ident}") for name, ident in zip("ab", certificates, strict=True)
        }
        assert desk.deliveries() == []
        for wrong in (
            {"selection": Selection(profiles=("nobody",))},
            {"selection": Selection(), "name_schema": "no-placeholder"},
        ):
            with pytest.raises(BadInput):
                syncs.preview(here, destination="files", **wrong)  # type: ignore[arg-type]

    def test_never_from_another_application(self, desk: Desk) -> None:
        lineage = desk.lineage(desk.issue())
        applications = desk.team.services.applications
        other = applications.create(desk.team.admin, slug="other", name="Other", profiles=("web",))
        with pytest.raises(BadInput, match="There is no lineage"):
            desk.team.services.syncs.create(
                desk.team.admin,
                other.id,
                slug="files",
                name="F",
                destination="files",
                config={},
                connection="one",
                selection=Selection(lineages=(lineage,)),
            )


class TestDropped:
    """What is not wanted any more is no trouble any more."""

    def trouble(self, desk: Desk) -> None:
        team = desk.team
        team.services.connections.create(
            team.admin, slug="mail", name="M", type_="smtp", config={"host": "mail.example.com", "port": 587}
        )
        config = {"sender": "a@example.com", "recipients": ["b@example.com"]}
        team.services.channels.create(
            team.admin,
            team.application,
            slug="mail",
            name="Mail",
            notifier="email",
            config=config,
            connection="mail",
        )
        team.services.alerts.create_alert(
            team.admin,
            team.application,
            slug="failed",
            name="F",
            events=["delivery.failed"],
            channels=["mail"],
            escalation=[Escalation(timedelta(hours=1), ("mail",))],
        )

    def open_incidents(self, desk: Desk) -> int:
        with desk.team.services.kernel.db.read() as session:
            return len(session.exec(select(Incident).where(col(Incident.closed_at).is_(None))).all())

    async def test_what_is_revoked_before_it_arrived(self, desk: Desk) -> None:
        self.trouble(desk)
        desk.sync()
        certificate = desk.issue()
        row = desk.delivery()
        desk.team.services.deliveries.failed(row.id, row.wishes, REFUSED)
        assert self.open_incidents(desk) == 1
        desk.team.services.revocation.revoke(desk.team.admin, certificate, Reason.SUPERSEDED)
        desk.team.services.deliveries.retry(desk.team.admin, row.id)
        assert desk.begun() is None
        assert desk.delivery().status == "removed"
        assert self.open_incidents(desk) == 0

    def test_what_a_deleted_sync_carried(self, desk: Desk) -> None:
        self.trouble(desk)
        desk.sync()
        desk.issue()
        desk.fail()
        assert self.open_incidents(desk) == 1
        desk.team.services.syncs.delete(desk.team.admin, desk.team.application, "files")
        assert self.open_incidents(desk) == 0

    async def test_but_what_is_there_is_not_called_gone(self, desk: Desk) -> None:
        desk.sync()
        certificate = desk.issue()
        await desk.work()
        desk.trigger()
        desk.team.services.revocation.revoke(desk.team.admin, certificate, Reason.SUPERSEDED)
        assert desk.begun() is None
        assert desk.delivery().status == "delivered"


async def test_what_others_changed_is_still_known_to_be_there(desk: Desk) -> None:
    desk.sync(remove=True)
    certificate = desk.issue()
    await desk.work()
    other = Observation(present=True, fingerprint="00" * 32)
    assert not desk.team.services.deliveries.verified(desk.delivery().id, certificate, other)
    assert desk.delivery().status == "pending"
    desk.team.services.revocation.revoke(desk.team.admin, certificate, Reason.KEY_COMPROMISE)
    await desk.work()
    assert desk.delivery().status == "removed"
    assert [told["reason"] for told in desk.told("delivery.removed")] == ["revoked"]


async def test_another_directory_empties_the_former_one_only(desk: Desk, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / "one" / name).mkdir()
    desk.sync(remove=True, grace_seconds=0, config={"directory": "old"})
    desk.issue()
    await desk.work()
    desk.update(config={"directory": "new"})
    await desk.work()
    name = desk.delivery().object_name
    assert (tmp_path / "one" / "old" / name).exists()
    while desk.team.services.sweeps["retirements"]():
        pass
    await desk.work()
    assert not (tmp_path / "one" / "old" / name).exists()
    assert (tmp_path / "one" / "new" / name / "current").exists()
    assert [told["reason"] for told in desk.told("delivery.removed")] == ["superseded"]
