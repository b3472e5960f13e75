"""One account of ACM and its connection."""

from collections.abc import Iterator

import pytest
from tests.integration.acm_world import AcmWorld
from tests.integration.conftest import Team

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
