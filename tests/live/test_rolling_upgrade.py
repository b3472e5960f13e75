"""Servers and workers are replaced one by one by those of the next release, under load: nobody notices."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from examples.demo.installation import Api, until
from examples.demo.team import connection
from sqlalchemy import create_engine, text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from tests.live.fleet import Fleet
from tests.live.next_version import VERSION, next_version
from tests.live.temporal import TemporalServer
from tests.support.postgres import fresh_database

pytestmark = pytest.mark.endurance

LEAST_REQUESTS, EVERY_SECONDS = 60, 1.0
PATIENCE = 120.0


class Load(threading.Thread):
    """Somebody who requests a certificate every second, and does not try again."""

    def __init__(self, fleet: Fleet, token: str) -> None:
        super().__init__(daemon=True)
        self._fleet, self._headers = fleet, {"Authorization": f"Bearer {token}"}
        self.replaced = threading.Event()
        self.sent: list[tuple[str, int | str]] = []
        self.requests: list[str] = []

    def run(self) -> None:
        while len(self.sent) < LEAST_REQUESTS or not self.replaced.is_set():
            number = len(self.sent)
            began, name = time.monotonic(), f"n{number}.live.example"
            # One that is used is not taken out meanwhile: a balancer drains.
            with self._fleet.lock:
                url = self._fleet.upstreams[number % len(self._fleet.upstreams)]
                self.sent.append((name, self._send(url, name)))
            time.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))

    def _send(self, url: str, name: str) -> int | str:
        body = {"profile": "web", "sans": {"dns": [name]}}
        try:
            answer = httpx2.post(
                f"{url}/api/v1/applications/files/certificate-requests",
                json=body,
                headers=self._headers,
                timeout=30,
                trust_env=False,
            )
        except httpx2.TransportError as problem:
            return type(problem).__name__
        if answer.is_success:
            self.requests.append(answer.json()["id"])
        return answer.status_code


@pytest.fixture
def fleet(tmp_path: Path, postgres: str) -> Iterator[Fleet]:
    with ExitStack() as stack:
        temporal = TemporalServer(tmp_path)
        temporal.start()
        stack.callback(temporal.stop)
        environment = {
            "CERTRAIL_DATABASE_URL": fresh_database(postgres),
            "CERTRAIL_KEYRING_FILE": str(tmp_path / "keys" / "keyring.json"),
            "CERTRAIL_TEMPORAL_ADDRESS": temporal.address,
            "CERTRAIL_LOG_FORMAT": "text",
        }
        fleet = Fleet(tmp_path, environment, next_version(tmp_path / "next"))
        stack.callback(fleet.kill)
        yield fleet


def test_each_process_is_replaced_under_load(fleet: Fleet) -> None:
    fleet.run("migrate")
    assert fleet.run("--version", following=True) == f"certrail {VERSION}"
    admin = Api("", fleet.run("token", "bootstrap"))
    servers = {name: fleet.start_server(name) for name in ("server-1", "server-2")}
    for name in ("worker-1", "worker-2"):
        fleet.start_worker(name)
    token = product(fleet, admin_of(servers["server-1"], admin))
    load = Load(fleet, token)
    load.start()
    until(lambda: len(load.requests) >= 5, "the load")

    assert "up to date" in fleet.run("migrate", following=True)
    until_more(load)
    for number, (name, url) in enumerate(servers.items(), start=1):
        fleet.start_server(f"next-server-{number}", following=True)
        fleet.stop(name, url)
        fleet.start_worker(f"next-worker-{number}", following=True)
        until_more(load)
        fleet.stop(f"worker-{number}")
    load.replaced.set()
    load.join(PATIENCE)

    assert Counter(status for _, status in load.sent) == {202: len(load.sent)}, load.sent
    until(lambda: finished(fleet, "issued") == len(load.sent), "every certificate", PATIENCE)
    until(lambda: delivered(fleet) == len(load.sent), "every delivery", PATIENCE)
    assert_once(fleet)
    versions = query(fleet, "select made_by_version, count(*) from certificate_request group by 1")
    assert {row[0] for row in versions} == {None, VERSION}, "both versions took requests"


async def test_an_older_worker_fails_no_workflow_of_a_newer_one(fleet: Fleet) -> None:
    """It cannot replay a history with a step that it does not know, and leaves it to the next newer worker."""
    fleet.run("migrate")
    token = fleet.run("token", "bootstrap")
    url = fleet.start_server("server")
    fleet.run("migrate", following=True)
    # Alone at first: beside an older worker it would be by chance which of the two begins a workflow.
    fleet.start_worker("next-worker", following=True)
    requester = Load(fleet, product(fleet, Api(url, token)))
    client = await Client.connect(fleet.environment["CERTRAIL_TEMPORAL_ADDRESS"], namespace="certrail")
    for number in range(10):
        assert requester._send(url, f"mixed-{number}.live.example") == 202
        await begun(client, requester.requests[-1])  # one that comes alone has a workflow of its own
    await in_a_history(client, requester.requests, "core_patch")
    fleet.stop("next-worker")
    fleet.start_worker("worker")
    await in_a_history(client, requester.requests, "NON_DETERMINISTIC")  # the older worker was given it
    fleet.start_worker("next-worker-2", following=True)
    fleet.stop("worker")
    until(lambda: finished(fleet, "issued") == 10, "every certificate", PATIENCE)
    until(lambda: delivered(fleet) == 10, "every delivery", PATIENCE)
    for ident in requester.requests:
        description = await client.get_workflow_handle(f"issuance-{ident}").describe()
        assert description.status == WorkflowExecutionStatus.COMPLETED
    assert_once(fleet)


async def begun(client: Client, request: str) -> None:
    """Wait for the workflow of a request."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            await client.get_workflow_handle(f"issuance-{request}").describe()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"no workflow of {request}")


async def in_a_history(client: Client, requests: list[str], word: str) -> None:
    """Wait for a word in the history of one of the workflows."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for ident in requests:
            try:
                history = await client.get_workflow_handle(f"issuance-{ident}").fetch_history()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                continue  # not yet dispatched
            if word in history.to_json():
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no history has {word}")


def admin_of(url: str, like: Api) -> Api:
    like._client.base_url = f"{url}/api/v1"
    return like


def product(fleet: Fleet, admin: Api) -> str:
    """An Application that delivers to a folder; returns the token of a machine that requests certificates."""
    root = {"slug": "root", "name": "Root", "subject": {"common_name": "Live Root"}}
    admin.post("/certificate-authorities", root)
    rules = {"sans": {"dns": {"allowed": ["*.live.example"]}}, "key_algorithms": ["EC_P256"]}
    admin.post("/certificate-policies", {"slug": "tls", "name": "TLS", "rules": rules})
    admin.post(
        "/certificate-profiles", {"slug": "web", "name": "Web", "ca": "root", "policy": "tls", "ttl": "47d"}
    )
    admin.post("/machine-identities", {"slug": "deployer", "name": "Deployer"})
    admin.post("/applications", {"slug": "files", "name": "Files", "profiles": ["web"]})
    admin.put("/applications/files/members/deployer", {"role": "operator"})
    (fleet.folder / "delivered").mkdir(mode=0o700)
    connection(admin, "folder", "folder", {"root": str(fleet.folder / "delivered")})
    sync = {"slug": "files", "name": "Files", "destination": "files", "connection": "folder"}
    admin.post("/applications/files/syncs", sync)
    return fleet.run("token", "create", "deployer")


def until_more(load: Load) -> None:
    """Some requests in the present mix of processes."""
    before = len(load.sent)
    until(lambda: len(load.sent) >= before + 3, "some more requests")


def query(fleet: Fleet, statement: str) -> list[Any]:
    url = fleet.environment["CERTRAIL_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    try:
        with engine.connect() as connection_:
            return list(connection_.execute(text(statement)).all())
    finally:
        engine.dispose()


def finished(fleet: Fleet, status: str) -> int:
    ((number,),) = query(fleet, f"select count(*) from certificate_request where status = '{status}'")
    return int(number)


def delivered(fleet: Fleet) -> int:
    ((number,),) = query(
        fleet, "select count(*) from delivery where status = 'delivered' and observed_generation = generation"
    )
    return int(number)


def assert_once(fleet: Fleet) -> None:
    """One certificate for each request, delivered once, and nothing that failed on the way."""
    ((requests, certificates),) = query(
        fleet,
        "select (select count(*) from certificate_request), (select count(*) from certificate)",
    )
    assert requests == certificates
    events = dict(query(fleet, "select type, count(*) from event group by type"))
    assert events["certificate.issued"] == requests
    assert not {name for name in events if name.endswith(".failed") or name == "workflows.restarted"}, events
    ((again,),) = query(fleet, "select count(*) from delivery where generation <> 1")
    assert again == 0
