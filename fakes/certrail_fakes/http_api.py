"""What fakes for JSON APIs share: TLS on loopback, a thread of its own, calls that are cut after their work."""

import json
import sys
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from certrail_fakes.tls import ThrowAwayCa

Json = Any


@dataclass(frozen=True)
class Call:
    """One request. Names of headers are lower-case, the path is decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Json:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


class Refused(Exception):
    """An answer other than the one that was hoped for."""

    def __init__(self, status: int, document: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(document))
        self.status, self.document, self.headers = status, document, dict(headers or {})


@dataclass
class HttpApi:
    """A server on loopback that answers one call after the other.

    Attributes:
        calls: method and path of each, in their order.
        busy: whether every call that was signed in is answered with a demand for a pause.
        cut_after: of this many calls that change something, the connection is cut once they are carried out;
        skip_before_cut: so many of them are answered before.
    """

    calls: list[str] = field(default_factory=list, init=False)
    busy: bool = field(default=False, init=False)
    cut_after: int = field(default=0, init=False)
    skip_before_cut: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._ca, self._lock = ThrowAwayCa(), threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.api = self
        # Each handshake is its own thread's affair: one that a client breaks off holds nobody up.
        self._http.socket = self._ca.server_context("127.0.0.1").wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def ca_file(self) -> str:
        """The only CA that vouches for this server."""
        return self._ca.ca_file

    def answer(self, call: Call) -> tuple[int, Json]:
        """Status and document. Raises Refused."""
        raise NotImplementedError

    def answered(self, call: Call) -> tuple[int, Json, Mapping[str, str]]:
        """The same with headers. Raises ConnectionAbortedError once the work of a call that is to be cut is done."""
        with self._lock:
            self.calls.append(f"{call.method} {call.path}")
            try:
                status, document = self.answer(call)
            except Refused as refusal:
                return refusal.status, refusal.document, refusal.headers
            if self.cut_after and call.method != "GET":
                if not self.skip_before_cut:
                    self.cut_after -= 1
                    raise ConnectionAbortedError
                self.skip_before_cut -= 1
            return status, document, {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    api: HttpApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests; our own faults are not."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    """Head and body are two writes: the second would wait for the client's delayed acknowledgement of the first."""

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = urllib.parse.urlsplit(self.path)
        call = Call(
            self.command,
            urllib.parse.unquote(target.path),
            dict(urllib.parse.parse_qsl(target.query)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        try:
            status, document, headers = self.server.api.answered(call)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        raw = json.dumps(document).encode() if document is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""
