"""Hosts that certrail reaches by SSH: services of Debian's show each renewed certificate, and kills leave one pair.

`make interop` runs this: with OpenSSH's sshd, and with an installation that runs as anywhere else.
"""

import asyncio
import hashlib
import os
import shutil
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from examples.demo.installation import until
from examples.demo.team import connection
from tests.interop.services import LONGEST_SECONDS, SERVICES, Service
from tests.live.doomed import Doomed, doomed_in
from tests.live.live_stack import LiveStack, Order

from certrail_agent.keys import fits
from certrail_fakes.ssh_host import Account, ssh_host

KILL_SSHD = """
# The sessions of one sshd: whatever is below the process that listens.
import os, pathlib, signal, sys
mark, configuration = sys.argv[1:3]
try:
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
except FileExistsError:
    sys.exit()
parents, listening = {}, None
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        parents[int(process.name)] = int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        if configuration in process.joinpath("cmdline").read_text() and "sshd" in process.joinpath("comm").read_text():
            listening = int(process.name) if listening is None else min(listening, int(process.name))
    except OSError:
        continue
for pid, parent in parents.items():
    if parent == listening:
        os.kill(pid, signal.SIGKILL)
"""


@dataclass
class Host:
    """A host with one service, and the Application that delivers to it.

    Attributes:
        service: which runs within `running`.
        order: the certificate.
    """

    stack: LiveStack
    account: Account
    tls: Path
    service: Service
    order: Order

    @property
    def connection(self) -> str:
        return f"host-{self.order.application}"

    def configure(self, **changes: Any) -> None:
        """Change the connection."""
        self.stack.admin.patch(
            f"/connections/{self.connection}", {"config": settings(self.account, self.tls) | changes}
        )

    def renew(self) -> str:
        """The fingerprint of the renewed certificate, as soon as it is issued."""
        before = {row["id"] for row in self.order.certificates()}
        newest = max(self.order.certificates(), key=lambda row: row["not_before"])
        headers = {"Idempotency-Key": f"{self.order.name}-{len(before)}"}
        self.stack.deployer.post(f"/certificates/{newest['id']}/renew", {}, **headers)

        def issued() -> Any:
            return [row for row in self.order.certificates() if row["id"] not in before]

        (row,) = until(issued, "the renewed certificate")
        return fingerprint(row["pem"])

    def delivery(self) -> dict[str, Any]:
        (row,) = self.order.deliveries()
        return row


def settings(account: Account, tls: Path) -> dict[str, Any]:
    values = {
        name: getattr(account, name) for name in ("host", "port", "username", "private_key", "host_key")
    }
    return values | {"directory": str(tls)}


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    with doomed_in(tmp_path_factory.mktemp("installation")) as doomed:
        yield doomed


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with asyncio.Runner() as runner:
        server = ssh_host(tmp_path, real=True)
        yield runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that accounts of services may enter, which those of pytest are not."""
    found = Path(tempfile.mkdtemp(prefix="certrail-host-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@contextmanager
def running(doomed: Doomed, account: Account, folder: Path, kind: str, application: str) -> Iterator[Host]:
    """A host whose first certificate was delivered before its service was started, as a person sets it up."""
    stack, name = doomed.live_stack, f"{application}.live.example"
    tls, own = folder / "tls", folder / "service"
    tls.mkdir()
    own.mkdir()
    service = SERVICES[kind](own, tls / name / "current")
    stack.application(application)
    failed = {"slug": "failed", "name": "Failed", "events": ["delivery.failed"], "channels": ["mail"]}
    stack.admin.post(f"/applications/{application}/alerts", failed)
    connection(stack.admin, f"host-{application}", "ssh", settings(account, tls))
    config = {"format": service.format} | ({"owner": service.owner} if service.owner else {})
    stack.sync(application, "ssh-host", f"host-{application}", config=config, name_schema="{{common_name}}")
    order = stack.order(application, name)
    order.wait_until_issued()
    order.wait_until_verified()
    host = Host(stack, account, tls, service, order)
    with service.running():
        host.configure(reload=service.reload, health=service.health)
        yield host


class Watch(threading.Thread):
    """Reads what a service would read, over and over: it is always one pair."""

    def __init__(self, current: Path) -> None:
        super().__init__(daemon=True)
        self._current, self._over = current, threading.Event()
        self.seen: set[str] = set()
        self.mixed: list[str] = []

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(0.01):
            version = os.readlink(self._current)
            try:
                files = sorted((self._current.parent / version).glob("*.pem"))
                text = "".join(file.read_text() for file in files)
            except FileNotFoundError:
                continue  # deleted since, as another one is current
            chain, begin, key = text.rpartition("-----BEGIN ")
            if not text and os.readlink(self._current) != version:
                continue
            leaf, end, _ = chain.partition("-----END CERTIFICATE-----\n")
            if "PRIVATE KEY" in key and end and fits(leaf + end, begin + key):
                self.seen.add(fingerprint(leaf + end))
            elif os.readlink(self._current) == version:
                self.mixed.append(text)


@pytest.mark.parametrize("kind", SERVICES)
def test_the_renewed_certificate_is_shown_and_a_bad_reload_restores_the_former_one(
    doomed: Doomed, account: Account, folder: Path, kind: str
) -> None:
    with running(doomed, account, folder, kind, kind) as host:
        renewed = host.renew()
        issued = time.monotonic()
        until(lambda: host.service.shown() == renewed, f"{kind} to show it", look=0.1)
        took = time.monotonic() - issued
        print(f"{kind} showed the renewed certificate {took:.1f} s after its issue")
        assert took < LONGEST_SECONDS
        host.service.spoil()
        refused = host.renew()
        until(lambda: host.delivery()["status"] == "failed", "the delivery to fail")
        error = host.delivery()["last_error"]
        assert "The former certificate was restored" in error["message"]
        assert "See why the service does not take the new certificate" in error["action"]
        assert host.service.shown() == renewed
        mails = doomed.live_stack.world.mail.mails
        until(
            lambda: any(error["action"] in mail.part("text/plain") for mail in mails), "a mail that says so"
        )
        host.service.mend()
        doomed.live_stack.admin.post(f"/deliveries/{host.delivery()['id']}/retry")
        until(lambda: host.service.shown() == refused, "the certificate that was refused at first")


def test_kills_in_the_middle_leave_one_pair(
    doomed: Doomed, account: Account, folder: Path, tmp_path: Path
) -> None:
    """The worker before its call and after it, and sshd while the service reloads."""
    with running(doomed, account, folder, "nginx", "killed") as host, Watch(host.service.current) as watch:
        expected = {fingerprint(row["pem"]) for row in host.order.certificates()}
        for place in ("delivery.intended", "delivery.answered"):
            doomed.die_at(place)
            renewed = host.renew()
            expected.add(renewed)
            doomed.wait_until_died_at(place)
            until(lambda wanted=renewed: host.service.shown() == wanted, f"what was cut at {place}")  # type: ignore[misc]
            host.order.wait_until_verified()
        mark, script = tmp_path / "killed", tmp_path / "kill.py"
        script.write_text(KILL_SSHD)
        kill = f"{sys.executable} {script} {mark} {tmp_path}/sshd_config"
        host.configure(
            reload=["sh", "-c", f"{kill} && {' '.join(host.service.reload)}"], health=host.service.health
        )
        renewed = host.renew()
        expected.add(renewed)
        until(mark.exists, "sshd to be killed")
        until(lambda: host.service.shown() == renewed, "what was cut by sshd")
        host.order.wait_until_verified()
    assert not watch.mixed
    assert watch.seen <= expected
    assert len(watch.seen) > 2
    assert len(host.order.certificates()) == 4
