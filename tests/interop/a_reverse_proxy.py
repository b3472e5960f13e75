"""The sample configurations of nginx and Caddy, in front of a running server.

`make interop` runs this. Only addresses and files are changed in the samples, to those of this machine.
"""

import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.interop.certificates import Authority
from tests.interop.debian import program, running, until

from certrail_server.ports import free_port

ROOT = Path(__file__).parents[2]
CADDY = ROOT / ".venv-interop" / "bin" / "caddy"
NAME = "certrail.example.com"
CLIENT = "127.0.0.2"
"""Another address than the proxy's, so that they can be told apart."""
FORGED = "198.51.100.1"
MIB = 1024 * 1024


@dataclass
class Fronted:
    """A certrail behind a proxy, and the client of both."""

    port: int
    authority: Path
    token: str
    gives_lengths: bool

    def client(self) -> httpx2.Client:
        """Calls the proxy by its name, from an address of its own, and lies about that."""
        transport = httpx2.HTTPTransport(
            verify=ssl.create_default_context(cafile=self.authority), local_address=CLIENT
        )
        headers = {"Host": NAME, "X-Forwarded-For": FORGED, "X-Forwarded-Proto": "http"}
        return httpx2.Client(
            base_url=f"https://127.0.0.1:{self.port}", transport=transport, headers=headers, timeout=70
        )

    def call(self, method: str, path: str, **arguments: object) -> httpx2.Response:
        """One call; the name is also that of the TLS handshake."""
        with self.client() as client:
            request = client.build_request(method, path, **arguments)  # type: ignore[arg-type]
            request.extensions["sni_hostname"] = NAME
            return client.send(request)

    @property
    def authorization(self) -> dict[str, str]:
        """Of the Product Admin."""
        return {"Authorization": f"Bearer {self.token}"}


def adapted(sample: str, changes: Mapping[str, str]) -> str:
    """A sample with the addresses of this machine; each of them must be in it."""
    text = (ROOT / "deploy" / sample).read_text()
    for there, here in changes.items():
        assert there in text, f"{sample} has no {there!r}"
        text = text.replace(there, here)
    return text


def nginx(folder: Path, port: int, server: int, pem: Path, key: Path) -> AbstractContextManager[object]:
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "127.0.0.1:8080": f"127.0.0.1:{server}",
        "/etc/nginx/certrail.pem": str(pem),
        "/etc/nginx/certrail.key": str(key),
    }
    (folder / "certrail.conf").write_text(adapted("nginx/certrail.conf", changes))
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
    http = f"access_log off;\n{paths}include {folder}/certrail.conf;\n"
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"{user}{main}http {{\n{http}}}\n")
    command = (program("nginx", "nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf"))
    subprocess.run([*command, "-t"], check=True)
    return running(*command, log=folder / "nginx.log")


def caddy(folder: Path, port: int, server: int, pem: Path, key: Path) -> AbstractContextManager[object]:
    changes = {
        f"{NAME} {{": f"https://{NAME}:{port} {{\n\tbind 127.0.0.1",
        "127.0.0.1:8080": f"127.0.0.1:{server}",
        "/etc/caddy/certrail.pem": str(pem),
        "/etc/caddy/certrail.key": str(key),
    }
    here = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n}}\n"
    (folder / "Caddyfile").write_text(here + adapted("caddy/Caddyfile", changes))
    command = (str(CADDY), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile"))
    return running(*command, log=folder / "caddy.log")


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def fronted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    start: Callable[[Path, int, int, Path, Path], AbstractContextManager[object]] = request.param
    server, port, tmp_path = free_port(), free_port(), tmp_path_factory.mktemp("fronted")
    environment = {
        "CERTRAIL_DATA_DIR": str(tmp_path / "certrail"),
        "CERTRAIL_PORT": str(server),
        "CERTRAIL_PUBLIC_URL": f"https://{NAME}",
        "CERTRAIL_TRUSTED_PROXIES": "127.0.0.1",
        # Of Temporal, which is not needed here.
        "CERTRAIL_TEMPORAL_ADDRESS": "127.0.0.1:9",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        own = (sys.executable, "-m", "certrail_server")
        subprocess.run([*own, "migrate"], check=True)
        bootstrap = [*own, "token", "bootstrap", "--name", "Ada"]
        token = subprocess.run(bootstrap, check=True, capture_output=True, text=True).stdout.strip()
        authority = Authority(tmp_path, "authority")
        pem, key = authority.issue(NAME)
        with (
            running(*own, "server", log=tmp_path / "server.log"),
            start(tmp_path, port, server, pem, key),
        ):
            found = Fronted(port, authority.certificate, token, start is nginx)
            until(lambda: _is_ready(found), "the server behind its proxy")
            yield found


def _is_ready(found: Fronted) -> bool:
    try:
        return found.call("GET", "/healthz").is_success
    except httpx2.TransportError:
        return False


def test_the_client_is_who_the_proxy_says_and_not_who_it_says_itself(fronted: Fronted) -> None:
    assert fronted.call("GET", "/api/v1/me").status_code == 401
    events = fronted.call(
        "GET", "/api/v1/audit/events?type=access.unauthenticated", headers=fronted.authorization
    )
    assert [event["subject_id"] for event in events.json()["items"]] == [CLIENT]


def test_absolute_addresses_are_those_of_the_proxy(fronted: Fronted) -> None:
    answer = fronted.call("GET", "/healthz/")
    assert answer.status_code == 307
    assert answer.headers["location"].startswith(f"https://{NAME}")


def test_bodies_get_through_up_to_what_certrail_takes(fronted: Fronted) -> None:
    user = {"slug": "grace", "name": "Grace", "email": "grace@example.com"}
    made = fronted.call("POST", "/api/v1/users", json=user, headers=fronted.authorization)
    assert made.status_code == 201, made.text
    content = b'{"slug": "' + b"a" * (MIB - 100) + b'"}'
    headers = {**fronted.authorization, "Content-Type": "application/json"}
    assert fronted.call("POST", "/api/v1/users", content=content, headers=headers).status_code == 400
    content = b'{"slug": "' + b"a" * MIB + b'"}'
    assert fronted.call("POST", "/api/v1/users", content=content, headers=headers).status_code == 413


def test_a_body_without_a_length_gets_one_from_nginx_and_is_refused_behind_caddy(fronted: Fronted) -> None:
    parts = iter([b'{"slug": "edsger", "name": "Edsger",', b'"email": "edsger@example.com"}'])
    headers = {**fronted.authorization, "Content-Type": "application/json"}
    made = fronted.call("POST", "/api/v1/users", content=parts, headers=headers)
    if fronted.gives_lengths:
        assert made.status_code == 201
    else:
        assert (made.status_code, made.headers["content-type"]) == (413, "application/problem+json")


def test_figures_are_not_published(fronted: Fronted) -> None:
    answer = fronted.call("GET", "/metrics", headers=fronted.authorization)
    assert answer.status_code == 404
    assert "problem+json" not in answer.headers.get("content-type", ""), "it is the proxy that refuses"
