"""50 ACME clients at once through two server processes, of whose nonces 30 % are used up on the way."""

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from examples.demo.installation import Api
from josepy.b64 import b64decode
from josepy.jwk import JWKEC
from tests.integration.enrollment.acme_world import AcmeClient, patient, web_server
from tests.live.fleet import Fleet
from tests.live.temporal import TemporalServer
from tests.support.postgres import fresh_database

from certrail_fakes.dns import dns_server
from certrail_server.ports import free_port

pytestmark = pytest.mark.endurance
CLIENTS, SHARE, PATIENCE = 50, 0.3, 240
PASSED_ON = ("Content-Type", "Replay-Nonce", "Location", "Link", "Retry-After")


class Balancer:
    """Passes each call to one of the servers in turn, and uses up the nonce of every third one before.

    It deletes the nonce's row, as if the call had come twice: so it is the server that refuses, and gives a new one.

    Attributes:
        passed: calls by server.
        refused: answers with badNonce.
    """

    def __init__(self, database_url: str) -> None:
        self.url = ""
        self.servers: list[str] = []
        self.passed: Counter[str] = Counter()
        self.refused = self.signed = self.spoilt = 0
        self._chance, self._lock = random.Random(8555), threading.Lock()
        # One for all threads: each of its own would leave too few to the servers.
        self._connection = psycopg.connect(database_url, autocommit=True)

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        """The server's answer: status, headers, body."""
        with self._lock:
            server = self.servers[self.passed.total() % len(self.servers)]
            self.passed[server] += 1
            spoils = method == "POST" and self._chance.random() < SHARE
        if spoils:
            nonce = json.loads(b64decode(json.loads(body)["protected"]))["nonce"]
            self._connection.execute("delete from acme_nonce where value = %s", (nonce,))
        connection = http.client.HTTPConnection(server, timeout=PATIENCE)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        with self._lock:
            self.signed += method == "POST"
            self.spoilt += spoils
            self.refused += answer.status == 400 and b"badNonce" in content
        return answer.status, answer.headers, content


@contextmanager
def balancing(balancer: Balancer) -> Iterator[None]:
    """Serve it on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            given = {
                "Host": urlsplit(balancer.url).netloc,
                "Content-Type": self.headers.get("Content-Type", ""),
            }
            status, headers, body = balancer.pass_on(self.command, self.path, given, self.rfile.read(length))
            self.send_response(status)
            for name in PASSED_ON:
                for value in headers.get_all(name, ()):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 2 * CLIENTS

    server = Server(("127.0.0.1", urlsplit(balancer.url).port or 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def fleet_behind(balancer: Balancer, folder: Path, database_url: str) -> Iterator[Api]:
    """Two servers and a worker with an enrollment by ACME; yields the API as the Product Admin calls it."""
    with ExitStack() as stack:
        temporal = TemporalServer(folder)
        temporal.start()
        stack.callback(temporal.stop)
        environment = {
            "CERTRAIL_DATABASE_URL": database_url,
            "CERTRAIL_KEYRING_FILE": str(folder / "keys" / "keyring.json"),
            "CERTRAIL_TEMPORAL_ADDRESS": temporal.address,
            "CERTRAIL_PUBLIC_URL": balancer.url,
        }
        fleet = Fleet(folder, environment)
        stack.callback(fleet.kill)
        fleet.run("migrate")
        token = fleet.run("token", "bootstrap")
        urls = [fleet.start_server(f"server-{number}") for number in range(2)]
        fleet.start_worker("worker")
        balancer.servers = [urlsplit(url).netloc for url in urls]
        yield Api(urls[0], token)


def enrolled(admin: Api, resolver: str, port: int) -> str:
    """An Application with a profile that is enrolled by ACME; returns its directory."""
    root = {"slug": "root", "name": "Root", "subject": {"common_name": "Root"}}
    admin.post("/certificate-authorities", root)
    admin.post("/certificate-policies", {"slug": "any", "name": "Any"})
    profile = {"slug": "web", "name": "Web", "ca": "root", "policy": "any", "ttl": "47d"}
    admin.post("/certificate-profiles", profile)
    admin.post("/applications", {"slug": "app", "name": "App", "profiles": ["web"]})
    settings = {"allowed_networks": ["127.0.0.0/8"], "resolvers": [resolver], "http_port": port}
    method = admin.put("/applications/app/profiles/web/enrollment/acme", settings)
    return str(method["urls"]["directory"])


def test_50_clients_through_two_servers(tmp_path: Path, postgres: str) -> None:
    names = [f"host-{number}.example.com" for number in range(CLIENTS)]
    database_url = fresh_database(postgres)
    balancer = Balancer(database_url)
    balancer.url = f"http://127.0.0.1:{free_port()}"
    with (
        dns_server() as dns,
        web_server() as web,
        balancing(balancer),
        fleet_behind(balancer, tmp_path, database_url) as admin,
    ):
        for name in names:
            dns.set(name, "A", ["127.0.0.1"])
        world = cast(Any, SimpleNamespace(directory=enrolled(admin, dns.address, web.port), web=web))

        def enrol(name: str) -> str:
            client = patient(AcmeClient(world, JWKEC(key=ec.generate_private_key(ec.SECP256R1()))))
            client.register()
            order = client.order(name)
            client.show_by_http(order)
            deadline = datetime.now() + timedelta(seconds=PATIENCE)  # noqa: DTZ005  # the library compares with it
            return str(client.acme.poll_and_finalize(order, deadline).fullchain_pem)

        with ThreadPoolExecutor(CLIENTS) as threads:
            chains = list(threads.map(enrol, names))
        found = admin.get("/applications/app/certificates", limit=2 * CLIENTS)["items"]
        failed = admin.get("/applications/app/certificate-requests", limit=2 * CLIENTS)["items"]
    assert len(set(chains)) == CLIENTS
    assert sorted(row["names"]["dns"][0] for row in found) == sorted(names), "one certificate each"
    assert {row["status"] for row in failed} == {"issued"}
    assert balancer.refused == balancer.spoilt, "no nonce of another server is refused"
    assert 0.2 < balancer.spoilt / balancer.signed < 0.4
    assert min(balancer.passed.values()) > balancer.passed.total() / 3
