"""One account of ACM, two folders, and their connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.acm_world import AcmWorld
from tests.integration.conftest import Team
from tests.integration.folder_world import FolderWorld

from certrail_fakes.acm import AcmServer


@pytest.fixture(scope="module")
def server() -> Iterator[AcmServer]:
    with AcmServer() as server:
        yield server


@pytest.fixture
def acm_world(team: Team, server: AcmServer) -> AcmWorld:
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
    return AcmWorld(team, server)


@pytest.fixture
def folder_world(team: Team, tmp_path: Path) -> FolderWorld:
    for slug in ("one", "two"):
        (tmp_path / slug).mkdir()
        config = {"root": str(tmp_path / slug)}
        team.services.connections.create(team.admin, slug=slug, name=slug, type_="folder", config=config)
    return FolderWorld(team)
