"""`certrail dev` comes back after each of its processes is killed, and two of it never share a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from examples.demo.installation import Api, Installation, until
from examples.demo.team import bootstrap, make_product
from tests.live.processes import is_alive

pytestmark = pytest.mark.crash

ORDERS = "/applications/payments-api/certificate-requests"


@dataclass
class Running:
    """An installation and its Product Admin."""

    installation: Installation
    admin: Api

    def order(self, name: str) -> dict[str, Any]:
        """Ask for a certificate and wait until it is issued."""
        dns = f"{name}.payments.example"
        body = {"profile": "web", "subject": {"common_name": dns}, "sans": {"dns": [dns]}}
        request = self.admin.post(ORDERS, body, **{"Idempotency-Key": name})

        def issued() -> Any:
            row = self.admin.get(f"/certificate-requests/{request['id']}")
            return row if row["status"] == "issued" else None

        row: dict[str, Any] = until(issued, f"the certificate for {dns}")
        return row


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    installation = Installation(tmp_path_factory.mktemp("embedded") / "certrail")
    installation.start()
    admin = bootstrap(installation)
    make_product(admin)
    yield Running(installation, admin)
    installation.stop()


def test_a_second_one_in_the_same_folder_is_refused(running: Running) -> None:
    with pytest.raises(RuntimeError, match=r"Another certrail .*. Stop it, or set CERTRAIL_DATA_DIR"):
        running.installation.run("dev")
    assert running.order("still-there")


@pytest.mark.parametrize("child", ["temporal", "server", "worker"])
def test_a_killed_process_comes_back(running: Running, child: str) -> None:
    died = running.installation.kill(child)
    assert running.order(f"after-{child}")
    back = until(lambda: other_than(died, running.installation.pid(child)), f"{child} to come back")
    assert is_alive(back)
    assert f"{child} died (signal SIGKILL)" in running.installation.log.read_text()


def test_everything_killed_comes_back_with_what_it_knew(running: Running) -> None:
    before = running.order("before")
    pids = [running.installation.pid(child) for child in ("temporal", "server", "worker")]
    running.installation.kill_everything()
    until(lambda: not any(is_alive(pid) for pid in pids if pid), "the children to die with their parent")
    running.installation.start()
    assert running.admin.get(f"/certificate-requests/{before['id']}")["status"] == "issued"
    assert running.order("before")["id"] == before["id"]
    assert running.order("after-all")


def other_than(died: int, pid: int | None) -> int | None:
    return pid if pid != died else None


def test_nothing_panicked_as_processes_ended(running: Running) -> None:
    """Temporal's core would print a panic for a local activity whose worker ends before it."""
    running.installation.stop()
    assert "panicked" not in running.installation.log.read_text(errors="replace")
