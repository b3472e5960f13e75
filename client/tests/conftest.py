"""A certrail server over HTTP, and one that answers as a test says."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.conftest import Team, made
from tests.support.web import serving

from certrail.persistence.database import Database
from certrail.plugins.registry import PluginRegistry


@dataclass(frozen=True)
class Server:
    """An installation, its address and an admin's token."""

    team: Team
    url: str
    token: str = field(repr=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A certrail server on a database of its own."""
    file: Path = tmp_path_factory.mktemp("client") / "certrail.db"
    database = Database(f"sqlite:///{file}")
    team = made(database, PluginRegistry.discover())
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="client")
    with serving(team.services) as url:
        yield Server(team, url, token)
    database.close()


@dataclass
class Scripted:
    """A server, in front of another one or alone, that fails as a script says.

    Attributes:
        script: what it does with each request: a status, with headers, or `cut` for no answer at all after the
            request was passed on. When the script is over, requests are passed on, or answered with `{}`.
        received: method, path and headers of each request.
    """

    script: list[Any]
    behind: str | None = None
    url: str = ""
    received: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def scripted() -> Iterator[Any]:
    """Starts such servers."""
    servers: list[ThreadingHTTPServer] = []

    def start(*script: Any, behind: str | None = None) -> Scripted:
        state = Scripted(list(script), behind)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
        threading.Thread(
            target=server.serve_forever, name=f"scripted-{uuid.uuid4().hex[:6]}", daemon=True
        ).start()
        servers.append(server)
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        return state

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _handler(state: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.received.append((self.command, self.path, headers))
            step = state.script.pop(0) if state.script else None
            if isinstance(step, tuple):
                status, more = step
                self._answer(status, b'{"title": "x"}', more)
                return
            answer = self._pass_on(headers, content) if state.behind else (200, b"{}")
            if step == "cut":
                self.close_connection = True
                self.connection.close()
                return
            self._answer(*answer, {})

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def _pass_on(self, headers: dict[str, str], content: bytes) -> tuple[int, bytes]:
            kept = {name: text for name, text in headers.items() if name not in ("host", "content-length")}
            found = httpx2.request(
                self.command, f"{state.behind}{self.path}", content=content, headers=kept, trust_env=False
            )
            return found.status_code, found.content

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words: Any) -> None:
            """Nothing is printed."""

    return Handler
