"""The page on production is followed word for word, with the commands of docker-compose.yml as they stand there.

PostgreSQL and Temporal are real; only containers are processes here, as no Docker engine is needed to test.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.installation import Api, until
from examples.demo.team import connection, make_product
from tests.deploy.docker import Docker, answering
from tests.docs.forks import forking
from tests.docs.pages import PRODUCTION, blocks
from tests.docs.reader import Reader
from tests.live.temporal import TemporalServer
from tests.support.composed import Composed
from tests.support.postgres import fresh_database

from certrail_fakes.acm import AcmServer

pytestmark = pytest.mark.endurance

APP = "/applications/payments-api"
HEAD = 'docker compose exec --no-TTY server certrail audit verify | grep -Eo "[0-9]+:[0-9a-f]{64}"'


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not below pytest's folder: its name is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="certrail-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def composed(folder: Path, postgres: str) -> Iterator[Composed]:
    temporal = TemporalServer(folder)
    temporal.start()
    composed = Composed(folder, fresh_database(postgres), temporal.address)
    yield composed
    composed.stop()
    temporal.stop()


@pytest.fixture(scope="module")
def docker(folder: Path, composed: Composed) -> Iterator[Docker]:
    """After everything that the page says was done."""
    docker = Docker(composed)
    programs = folder / "bin"
    programs.mkdir()
    certrail = programs / "certrail"
    composed.program = [str(certrail)]
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "250"}
    reader = Reader(folder / "reader", environment, {"1234:9f86d0…": f"$({HEAD})"})
    with forking(certrail, folder), answering(programs / "docker", docker):
        reader.follow(blocks(page=PRODUCTION))
        yield docker


def test_what_was_sealed_before_the_rotation_is_sealed_anew(docker: Docker, composed: Composed) -> None:
    (reported,) = (printed for words, printed in docker.printed if words == ["keyring", "re-encrypt"])
    assert "re-encrypted" in reported
    found = composed.run("server", "keyring", "re-encrypt")
    assert found.stdout.startswith("0 envelopes"), found


def test_what_a_service_may_only_read_stays_as_it_is(docker: Docker, composed: Composed) -> None:
    code, _, failure = docker(["compose", "exec", "server", "certrail", "keyring", "rotate"], Path())
    assert (code, "Read-only" in failure) == (1, True)


def test_a_certificate_gets_to_acm_by_its_own_worker(docker: Docker, composed: Composed) -> None:
    (token,) = (printed.strip() for words, printed in docker.printed if words[:2] == ["token", "bootstrap"])
    admin = Api(composed.url, token)
    with AcmServer() as acm:
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
