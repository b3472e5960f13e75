"""How many statements desired state costs. The numbers are exact: lower one when a change saves a statement."""

from pathlib import Path

import pytest
from tests.integration.conftest import Team
from tests.support.statements import statements

from certrail.services.inventory.selectors import CertificateSelector

CERTIFICATES = 50
COUNTS = {"sqlite": (17, 8, 10), "postgresql": (18, 9, 10)}
"""For a new sync with patterns, a change that leaves its deliveries alone, and a trigger. A sync with patterns counts
those of the others; PostgreSQL locks the Application."""


@pytest.fixture
def certificates(team: Team, tmp_path: Path) -> int:
    """Certificates of one Application, and a connection to a folder."""
    team.services.connections.create(
        team.admin, slug="disk", name="Disk", type_="folder", config={"root": str(tmp_path)}
    )
    for number in range(CERTIFICATES):
        request, _ = team.ask(team.admin, f"n{number}.example.com")
        team.services.issuance.advance(request)
    return CERTIFICATES


def create_sync(team: Team) -> None:
    team.services.syncs.create(
        team.admin,
        team.application,
        slug="disk",
        name="Disk",
        destination="files",
        config={},
        connection="disk",
        selection=CertificateSelector(names=["*.example.com"], profiles=["web"]),
    )


def test_a_sync_over_many_certificates(team: Team, certificates: int) -> None:
    database = team.services.context.db
    with statements(database) as created:
        create_sync(team)
    assert len(team.services.deliveries.list(team.application, limit=100)) == certificates
    with statements(database) as changed:
        team.services.syncs.update(team.admin, team.application, "disk", name="Another name")
    with statements(database) as triggered:
        assert team.services.syncs.trigger(team.admin, team.application, "disk") == certificates
    counts = (len(created), len(changed), len(triggered))
    assert counts == COUNTS["sqlite" if database.is_sqlite else "postgresql"]
    assert max(counts) <= 20 + 2 * certificates
