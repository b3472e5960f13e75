"""A certificate and a sync that selects it, created concurrently, do not miss each other."""

import pytest
from tests.integration.concurrency import meanwhile
from tests.integration.conftest import Team

from certrail.services.inventory.selectors import CertificateSelector


@pytest.fixture(autouse=True)
def folder(team: Team) -> None:
    team.services.connections.create(
        team.admin, slug="folder", name="Folder", type_="folder", config={"root": "/srv"}
    )


def sync(team: Team, selection: CertificateSelector) -> None:
    team.services.syncs.create(
        team.admin,
        team.application,
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
