"""What makes a sync deliver: a choice of certificates, a change of what is put there, and somebody's word."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select
from tests.integration.folder_world import REFUSED, FolderWorld
from tests.workflows.fake_plugins import FakeDestination, Tries

from certrail.domain.errors import BadInput, Conflict
from certrail.persistence.tables import Incident
from certrail.pki.revocation import Reason
from certrail.plugins.redaction import MASK
from certrail.services.alerting.alerts import Escalation
from certrail.services.delivery.deploy import target_of_receipt
from certrail.services.delivery.observation import ObserveCall
from certrail.services.delivery.taken_over import Delivered
from certrail.services.inventory.selectors import CertificateSelector
from certrail_destination_files import Files
from certrail_sdk import Observation

pytestmark = pytest.mark.any_database


class TestByHand:
    async def test_what_is_not_automatic_waits_for_somebodys_word(self, folder_world: FolderWorld) -> None:
        folder_world.sync(auto=False)
        first, second = folder_world.issue("a.example.com"), folder_world.issue("b.example.com")
        assert folder_world.deliveries() == []
        assert folder_world.trigger(folder_world.lineage(first)) == 1
        assert [row.desired_certificate_id for row in folder_world.deliveries()] == [first]
        assert folder_world.trigger() == 2
        await folder_world.work()
        assert {(row.desired_certificate_id, row.status) for row in folder_world.deliveries()} == {
            (first, "delivered"),
            (second, "delivered"),
        }
        assert [reported["certificates"] for reported in folder_world.reported("sync.triggered")] == [1, 2]

    async def test_what_is_delivered_is_delivered_again_and_nothing_changes(
        self, folder_world: FolderWorld
    ) -> None:
        folder_world.sync()
        folder_world.issue()
        await folder_world.work()
        assert folder_world.begun() is None
        assert folder_world.trigger() == 1
        await folder_world.work()
        assert [reported["changed"] for reported in folder_world.reported("delivery.delivered")] == [
            True,
            False,
        ]
        before = folder_world.handed_over()
        folder_world.team.services.deliveries.retry(folder_world.team.admin, folder_world.delivery().id)
        assert folder_world.handed_over() == before + 1
        await folder_world.work()
        assert [reported["changed"] for reported in folder_world.reported("delivery.delivered")] == [
            True,
            False,
            False,
        ]

    def test_what_was_there_before_the_sync_is_renewed_where_it_is(self, folder_world: FolderWorld) -> None:
        services, admin = folder_world.team.services, folder_world.team.admin
        first = folder_world.issue()
        folder_world.sync(delivered=[Delivered(first, "by-hand", "/srv/by-hand")])
        assert folder_world.delivery().status == "delivered"
        folder_world.team.clock.advance(timedelta(days=30))
        renewal = services.renewals.renew(admin, first)
        services.issuance.advance(renewal.id)
        row = folder_world.delivery()
        assert (row.object_name, row.status) == ("by-hand", "pending")
        assert row.desired_certificate_id == services.requests.get(renewal.id).certificate_id

    def test_only_what_it_selects(self, folder_world: FolderWorld) -> None:
        folder_world.sync(selection=CertificateSelector(names=("b.*",)))
        other = folder_world.lineage(folder_world.issue("a.example.com"))
        with pytest.raises(BadInput, match="selects no active certificate"):
            folder_world.trigger(other)
        assert folder_world.trigger() == 0

    async def test_not_while_it_is_being_deleted(self, folder_world: FolderWorld) -> None:
        folder_world.sync()
        folder_world.issue()
        await folder_world.work()
        folder_world.team.services.syncs.delete(
            folder_world.team.admin, folder_world.team.application, "files", cleanup=True
        )
        with pytest.raises(Conflict, match="being deleted"):
            folder_world.trigger()


class TestChanges:
    async def test_another_content_is_brought_to_everything(self, folder_world: FolderWorld) -> None:
        folder_world.sync()
        folder_world.issue("a.example.com")
        folder_world.issue("b.example.com")
        await folder_world.work()
        folder_world.update(include_root=True)
        assert {row.status for row in folder_world.deliveries()} == {"pending"}
        await folder_world.work()
        assert {row.status for row in folder_world.deliveries()} == {"delivered"}
        reported = folder_world.handed_over()
        folder_world.update(include_root=True, name="Called otherwise")
        assert folder_world.handed_over() == reported

    async def test_what_was_on_its_way_before_the_change_does_not_count(
        self, folder_world: FolderWorld
    ) -> None:
        folder_world.sync()
        folder_world.issue()
        work = folder_world.begun()
        assert work
        folder_world.update(include_root=True)
        receipt = await work.destination.deploy(work.deployment)
        folder_world.team.services.effects.deliver.complete(work, receipt)
        row = folder_world.delivery()
        assert (row.status, row.receipt) == ("pending", receipt.model_dump(mode="json"))
        again = folder_world.begun()
        assert again
        assert again.deployment.bundle.root
        folder_world.team.services.effects.deliver.complete(
            again, await again.destination.deploy(again.deployment)
        )
        folder_world.team.services.effects.deliver.complete(
            work, receipt
        )  # that its worker was slow to say so changes nothing
        assert folder_world.delivery().status == "delivered"
        assert folder_world.begun() is None

    def test_nor_does_its_failure(self, folder_world: FolderWorld) -> None:
        folder_world.sync()
        folder_world.issue()
        work = folder_world.begun()
        assert work
        folder_world.update(connection="two")
        folder_world.team.services.effects.deliver.fail(work.subject_id, REFUSED, work.generation)
        assert folder_world.delivery().status == "pending"
        assert folder_world.begun()

    async def test_another_secret_is_tried_where_something_failed(self, folder_world: FolderWorld) -> None:
        folder_world.sync(config={"format": "pkcs12", "password": "hunter2-hunter2"})
        folder_world.issue()
        await folder_world.work()
        reported = folder_world.handed_over()
        folder_world.update(config={"format": "pkcs12", "password": "hunter3-hunter3"})
        assert folder_world.handed_over() == reported
        folder_world.trigger()
        folder_world.fail()
        assert folder_world.begun() is None
        folder_world.update(config={"format": "pkcs12", "password": MASK})
        await folder_world.work()
        assert folder_world.delivery().status == "delivered"
        assert len(folder_world.reported("delivery.recovered")) == 1

    async def test_other_credentials_are_tried_where_something_failed(
        self, folder_world: FolderWorld, tmp_path: Path
    ) -> None:
        folder_world.sync()
        folder_world.sync("second", connection="two")
        folder_world.issue()
        await folder_world.work()
        reported = folder_world.handed_over()
        row = folder_world.deliveries()[0]
        folder_world.team.services.deliveries.retry(folder_world.team.admin, row.id)
        assert folder_world.team.services.effects.deliver.begin(row.id, 1)
        folder_world.team.services.effects.deliver.fail(row.id, REFUSED, row.generation + 1)
        connections, admin = folder_world.team.services.connections, folder_world.team.admin
        connections.update(admin, "one", {"root": str(tmp_path / "one")})
        assert folder_world.handed_over() == reported + 1, "nothing is changed"
        (tmp_path / "three").mkdir()
        connections.update(admin, "one", {"root": str(tmp_path / "three")})
        connections.update(admin, "two", {"root": str(tmp_path / "three")})
        assert folder_world.handed_over() == reported + 2
        await folder_world.work()
        assert {row.status for row in folder_world.deliveries()} == {"delivered"}


class TestChoice:
    def test_by_patterns_of_names(self, folder_world: FolderWorld) -> None:
        folder_world.sync(selection=CertificateSelector(names=("*.shop.example.com", "PAY.example.com")))
        chosen = {folder_world.issue("eu.shop.example.com"), folder_world.issue("pay.example.com")}
        folder_world.issue("a.example.com")
        assert {row.desired_certificate_id for row in folder_world.deliveries()} == chosen

    def test_a_preview_delivers_nothing(self, folder_world: FolderWorld) -> None:
        certificates = [folder_world.issue("a.example.com"), folder_world.issue("b.example.com")]
        folder_world.team.services.revocation.revoke(
            folder_world.team.admin, folder_world.issue("c.example.com"), Reason.SUPERSEDED
        )
        syncs, here = folder_world.team.services.syncs, folder_world.team.application
        rows = syncs.preview(
            here,
            destination="files",
            selection=CertificateSelector(names=("*.example.com",)),
            name_schema="{{common_name}}-{{certificate_id}}",
        )
        assert {(row.id, name) for row, name in rows} == {
            (ident, f"{name}.example.com-{ident}") for name, ident in zip("ab", certificates, strict=True)
        }
        assert folder_world.deliveries() == []
        for wrong in (
            {"selection": CertificateSelector(profiles=("nobody",))},
            {"selection": CertificateSelector(), "name_schema": "no-placeholder"},
        ):
            with pytest.raises(BadInput):
                syncs.preview(here, destination="files", **wrong)

    def test_objects_are_named_as_the_plugin_has_it_unless_the_sync_says(
        self, folder_world: FolderWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Files, "default_name_schema", "web-{{certificate_id}}")
        certificate = folder_world.issue()
        syncs, here = folder_world.team.services.syncs, folder_world.team.application
        ((_, name),) = syncs.preview(here, destination="files", selection=CertificateSelector())
        assert name == f"web-{certificate}"
        folder_world.sync()
        assert syncs.get(here, "files").name_schema == "web-{{certificate_id}}"

    def test_never_from_another_application(self, folder_world: FolderWorld) -> None:
        lineage = folder_world.lineage(folder_world.issue())
        applications = folder_world.team.services.applications
        other = applications.create(folder_world.team.admin, slug="other", name="Other", profiles=("web",))
        with pytest.raises(BadInput, match="There is no lineage"):
            folder_world.team.services.syncs.create(
                folder_world.team.admin,
                other.id,
                slug="files",
                name="F",
                destination="files",
                config={},
                connection="one",
                selection=CertificateSelector(lineages=(lineage,)),
            )


class TestDropped:
    """What is not wanted any more is no trouble any more."""

    def incident(self, folder_world: FolderWorld) -> None:
        team = folder_world.team
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

    def open_incidents(self, folder_world: FolderWorld) -> int:
        with folder_world.team.services.context.db.read() as session:
            return len(session.exec(select(Incident).where(col(Incident.closed_at).is_(None))).all())

    async def test_what_is_revoked_before_it_arrived(self, folder_world: FolderWorld) -> None:
        self.incident(folder_world)
        folder_world.sync()
        certificate = folder_world.issue()
        row = folder_world.delivery()
        folder_world.team.services.effects.deliver.fail(row.id, REFUSED, row.generation)
        assert self.open_incidents(folder_world) == 1
        folder_world.team.services.revocation.revoke(folder_world.team.admin, certificate, Reason.SUPERSEDED)
        folder_world.team.services.deliveries.retry(folder_world.team.admin, row.id)
        assert folder_world.begun() is None
        assert folder_world.delivery().status == "removed"
        assert self.open_incidents(folder_world) == 0

    def test_what_a_deleted_sync_selected(self, folder_world: FolderWorld) -> None:
        self.incident(folder_world)
        folder_world.sync()
        folder_world.issue()
        folder_world.fail()
        assert self.open_incidents(folder_world) == 1
        folder_world.team.services.syncs.delete(
            folder_world.team.admin, folder_world.team.application, "files"
        )
        assert self.open_incidents(folder_world) == 0

    async def test_but_what_is_there_is_not_called_gone(self, folder_world: FolderWorld) -> None:
        folder_world.sync()
        certificate = folder_world.issue()
        await folder_world.work()
        folder_world.trigger()
        folder_world.team.services.revocation.revoke(folder_world.team.admin, certificate, Reason.SUPERSEDED)
        assert folder_world.begun() is None
        assert folder_world.delivery().status == "delivered"


async def test_what_others_changed_is_still_known_to_be_there(folder_world: FolderWorld) -> None:
    folder_world.sync(prune=True)
    certificate = folder_world.issue()
    await folder_world.work()
    other = Observation(present=True, fingerprint="00" * 32)
    row, effects = folder_world.delivery(), folder_world.team.services.effects
    read_back = ObserveCall(
        subject_id=row.id,
        plugin="files 1",
        certificate_id=certificate,
        destination=FakeDestination(Tries(), [other]),
        target=target_of_receipt(row),
    )
    assert not effects.verify.complete(read_back, other)
    assert folder_world.delivery().status == "pending"
    folder_world.team.services.revocation.revoke(folder_world.team.admin, certificate, Reason.KEY_COMPROMISE)
    await folder_world.work()
    assert folder_world.delivery().status == "removed"
    assert [reported["reason"] for reported in folder_world.reported("delivery.removed")] == ["revoked"]


async def test_another_directory_empties_the_former_one_only(
    folder_world: FolderWorld, tmp_path: Path
) -> None:
    for name in ("old", "new"):
        (tmp_path / "one" / name).mkdir()
    folder_world.sync(prune=True, prune_grace_seconds=0, config={"directory": "old"})
    folder_world.issue()
    await folder_world.work()
    folder_world.update(config={"directory": "new"})
    await folder_world.work()
    name = folder_world.delivery().object_name
    assert (tmp_path / "one" / "old" / name).exists()
    while folder_world.team.services.sweeps["retirements"]():
        pass
    await folder_world.work()
    assert not (tmp_path / "one" / "old" / name).exists()
    assert (tmp_path / "one" / "new" / name / "current").exists()
    assert [reported["reason"] for reported in folder_world.reported("delivery.removed")] == ["superseded"]
