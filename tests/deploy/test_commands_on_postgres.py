"""The commands of docker-compose.yml, as they stand there, on a real PostgreSQL and a real Temporal server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples.demo.installation import Api, until
from examples.demo.team import connection, make_product
from tests.live.ports import listens
from tests.live.temporal import TemporalServer
from tests.support.postgres import fresh_database

from certrail_server.ports import free_port
from certrail_standins.acm import AcmServer

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
APP = "/applications/payments-api"


class Composed:
    """The certrail services of the file as processes; only addresses and folders are this machine's own."""

    def __init__(self, folder: Path, database: str, temporal: str) -> None:
        self._folder = folder
        self._own = {
            "CERTRAIL_DATABASE_URL": database,
            "CERTRAIL_TEMPORAL_ADDRESS": temporal,
            "CERTRAIL_KEYRING_FILE": str(folder / "keys" / "keyring.json"),
            "CERTRAIL_HOST": "127.0.0.1",
            "CERTRAIL_PORT": str(free_port()),
        }
        self.url = f"http://127.0.0.1:{self._own['CERTRAIL_PORT']}"
        (folder / "keys").mkdir()

    def run(self, *command: str) -> str:
        """Run a command to its end; returns what it printed."""
        done = subprocess.run(
            self._words(command), env=self._env("migrate"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, service: str, stack: ExitStack) -> Path:
        """Start a service; returns its data folder."""
        env = self._env(service)
        log = stack.enter_context((self._folder / f"{service}.log").open("ab"))
        command = self._words(SERVICES[service]["command"])
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.callback(process.wait, 60)
        stack.callback(process.terminate)
        return Path(env["CERTRAIL_DATA_DIR"])

    def _env(self, service: str) -> dict[str, str]:
        folder = self._folder / service
        folder.mkdir(exist_ok=True)
        told = SERVICES[service]["environment"]
        mine = {**self._own, "CERTRAIL_DATA_DIR": str(folder), "CERTRAIL_PUBLIC_URL": self.url}
        return {**os.environ, **{name: mine.get(name, value) for name, value in told.items()}}

    @staticmethod
    def _words(command: list[str] | tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "certrail_server", *command]


@pytest.fixture
def composed(tmp_path: Path, postgres: str) -> Iterator[tuple[Composed, ExitStack]]:
    with ExitStack() as stack:
        temporal = TemporalServer(tmp_path)
        temporal.start()
        stack.callback(temporal.stop)
        yield Composed(tmp_path, fresh_database(postgres), temporal.address), stack


def test_the_services_work_together(composed: tuple[Composed, ExitStack]) -> None:
    """A certificate gets to ACM by ACM's own worker."""
    services, stack = composed
    services.run(*SERVICES["migrate"]["command"])
    token = services.run("token", "bootstrap", "--name", "Admin")
    acm = stack.enter_context(AcmServer())
    for service in ("server", "worker", "worker-acm"):
        services.start(service, stack)
    port = int(services.url.rsplit(":", 1)[1])
    until(lambda: listens(port), "the server")
    admin = Api(services.url, token)
    make_product(admin)
    aws = {"region": acm.region, "access_key_id": acm.access_key_id, "endpoint_url": acm.url}
    connection(admin, "aws", "aws", {**aws, "secret_access_key": acm.secret_access_key})
    sync = {"slug": "acm", "name": "ACM", "destination": "aws-acm", "connection": "aws"}
    admin.post(f"{APP}/syncs", sync)

    name = "composed.payments.example"
    admin.post(f"{APP}/certificate-requests", {"profile": "web", "sans": {"dns": [name]}})

    def verified() -> Any:
        rows = admin.get(f"{APP}/deliveries")["items"]
        return rows and rows[0]["verified_at"]

    until(verified, "the delivery")
    assert len(acm.certificates()) == 1
