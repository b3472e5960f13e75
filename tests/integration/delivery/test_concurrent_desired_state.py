"""A certificate and a sync that selects it, created concurrently, do not miss each other."""

import pytest
from sqlmodel import select
from tests.integration import renewal_world
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team

from certrail.domain.enrollment import EnrollmentMethod
from certrail.persistence.tables import Certificate, Delivery, Lineage, PreviousTarget
from certrail.services.catalog.enrollment import enroll
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery.deploy import DeployCall
from certrail.services.inventory.selectors import CertificateSelector
from certrail.services.lifecycle.renewal_sweep import RenewalSweep
from certrail_sdk import Receipt


@pytest.fixture(autouse=True)
def folder(team: Team) -> None:
    team.services.connections.create(
        team.admin, slug="folder", name="Folder", type_="folder", config={"root": "/srv"}
    )


def sync(team: Team, selection: CertificateSelector, scope: str | None = "here") -> None:
    team.services.syncs.create(
        team.admin,
        team.application if scope == "here" else scope,
        slug="files",
        name="Files",
        destination="files",
        config={},
        connection="folder",
        selection=selection,
    )


def test_what_is_issued_while_its_sync_is_made_is_delivered(team: Team) -> None:
    request, _ = team.ask(team.admin)
    meanwhile(
        team, lambda: sync(team, CertificateSelector()), lambda: team.services.issuance.advance(request)
    )
    assert len(team.services.deliveries.list(team.application)) == 1


def test_a_sync_that_is_made_while_a_certificate_is_issued_selects_it(team: Team) -> None:
    request, _ = team.ask(team.admin)
    meanwhile(
        team,
        lambda: team.services.issuance.advance(request),
        lambda: sync(team, CertificateSelector()),
    )
    assert len(team.services.deliveries.list(team.application)) == 1


def test_what_is_issued_while_a_sync_selects_it_is_delivered(team: Team) -> None:
    sync(team, CertificateSelector(metadata={"team": "others"}))
    request, _ = team.ask(team.admin)
    meanwhile(
        team,
        lambda: team.services.syncs.update(
            team.admin, team.application, "files", selection=CertificateSelector()
        ),
        lambda: team.services.issuance.advance(request),
    )
    assert len(team.services.deliveries.list(team.application)) == 1


@pytest.mark.parametrize("first", ["sync", "certificate"])
def test_neither_is_missed_in_the_legacy_scope(team: Team, first: str) -> None:
    """Which has no row that could be locked."""
    with team.services.context.unit_of_work(team.admin) as uow:
        enroll(uow, None, team.services.catalog.profile("web").id, EnrollmentMethod.API)
    request = team.services.requests.submit(
        team.admin, None, profile="web", content={"sans": {"dns": ["a.example.com"]}}
    )

    def make() -> None:
        sync(team, CertificateSelector(), None)

    def issue() -> object:
        return team.services.issuance.advance(request.id)

    meanwhile(team, *((make, issue) if first == "sync" else (issue, make)))
    assert len(team.services.deliveries.list(None)) == 1


def test_a_sync_is_made_while_what_it_selects_is_renewed(team: Team) -> None:
    """Issuance holds the lineage and waits for the scope, whose holder inserts a row that names the lineage."""
    first, _ = team.ask(team.admin)
    team.services.issuance.advance(first)
    present = team.services.requests.get(first).certificate_id
    assert present is not None
    renewal = team.services.renewals.renew(team.admin, present).id
    meanwhile(
        team,
        lambda: sync(team, CertificateSelector()),
        lambda: team.services.issuance.advance(renewal),
        statement="INSERT INTO delivery",
    )
    ((delivery, _),) = team.services.deliveries.list(team.application)
    assert delivery.desired_certificate_id == team.services.requests.get(renewal).certificate_id


def test_a_sync_is_retargeted_while_a_deploy_takes_a_slot_of_its_connection(team: Team) -> None:
    """A deploy holds the connection and waits for the delivery, whose holder inserts a row that names the first."""
    team.services.connections.update(team.admin, "folder", max_per_minute=3)
    team.services.connections.create(
        team.admin, slug="other", name="Other", type_="folder", config={"root": "/opt"}
    )
    sync(team, CertificateSelector())
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    ((delivery, _),) = team.services.deliveries.list(team.application)
    deploy = team.services.effects.deliver
    call = deploy.begin(delivery.id, 1)
    assert isinstance(call, DeployCall)
    receipt = Receipt(reference="a", fingerprint=call.deployment.bundle.fingerprint, changed=True)
    deploy.complete(call, receipt)
    team.services.syncs.trigger(team.admin, team.application, "files")
    meanwhile(
        team,
        lambda: team.services.syncs.update(team.admin, team.application, "files", connection="other"),
        lambda: deploy.begin(delivery.id, 1),
        statement="INSERT INTO previous_target",
    )
    with team.services.context.db.read() as session:
        (place,) = session.exec(select(PreviousTarget)).all()
        assert session.get_one(Delivery, delivery.id).previous_target_id == place.id


def test_a_sync_is_made_while_a_renewal_of_the_same_sweep_is_undone(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The savepoint of one that fails is rolled back after it was fanned out, and the lock of the scope stays."""
    rows = renewal_world.issue(team, 2)
    first, second = sorted(rows, key=lambda row: renewal_world.due_at(team, row))
    team.clock.now = renewal_world.due_at(team, second)
    renew = RenewalSweep._renew

    def fails_for_the_first(self: RenewalSweep, uow: UnitOfWork, lineage: Lineage, held: Certificate) -> None:
        renew(self, uow, lineage, held)
        if lineage.id == first.lineage_id:
            raise RuntimeError("no entropy")

    monkeypatch.setattr(RenewalSweep, "_renew", fails_for_the_first)
    meanwhile(
        team,
        team.services.sweeps["renewals"],
        lambda: sync(team, CertificateSelector()),
    )
    desired = {
        delivery.lineage_id: delivery for delivery, _ in team.services.deliveries.list(team.application)
    }
    newer = renewal_world.present(team, second.lineage_id)
    assert newer.id != second.id
    assert desired[second.lineage_id].desired_certificate_id == newer.id
    assert desired[first.lineage_id].desired_certificate_id == first.id
