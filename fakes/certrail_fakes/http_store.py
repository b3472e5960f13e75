"""A collection of JSON documents over HTTP, with conditional requests and a bearer token: what `http-put` writes to."""

import json
import re
import threading
from collections.abc import Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

PATH = re.compile(r"/(v[12])/([^/]+)")
NEEDED = ("delivery", "fingerprint", "certificate", "chain")


class HttpStore:
    """Keeps two collections of documents in memory, ``/v1`` and ``/v2``, on loopback, in a thread of its own.

    It refuses what a careful receiver refuses: a missing or wrong token, a body that is no document, a write without a
    condition, and a condition that does not hold.
    """

    token = "the-token-of-the-http-store"

    def __init__(self, *, hides_keys: bool = False) -> None:
        self.hides_keys = hides_keys
        self.documents: dict[str, Any] = {}
        self.methods: list[str] = []
        self.status: int | None = None
        """Answer everything with this instead, ``retry_after`` beside it."""
        self.retry_after = ""
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.store = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        """Status, ETag and body for one request. Header names are lower-case."""
        with self._lock:
            self.methods.append(method)
            if self.status is not None:
                return self.status, "", b"scripted"
            if headers.get("authorization") != f"Bearer {self.token}":
                return 401, "", b"no such token"
            if not (found := PATH.fullmatch(path)):
                return 404, "", b"no such collection"
            name = found[2] if found[1] == "v1" else path[1:]
            return getattr(self, f"_{method.lower()}")(name, headers, body)  # type: ignore[no-any-return]

    def _get(self, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        found = self.documents.get(name)
        if found is None:
            return 404, "", b"no such document"
        if not isinstance(found, dict):
            return 200, "", json.dumps(found).encode()
        hidden = ("private_key",) if self.hides_keys else ()
        return 200, etag(found), json.dumps({k: v for k, v in found.items() if k not in hidden}).encode()

    def _put(self, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        if refusal := self._unmet(name, headers):
            return refusal
        try:
            document = json.loads(body)
            complete = all(isinstance(document[part], str) for part in NEEDED)
        except (ValueError, KeyError, TypeError):
            complete = False
        if headers.get("content-type") != "application/json" or not complete:
            return 422, "", b"this is no certificate document"
        created = name not in self.documents
        self.documents[name] = document
        return (201 if created else 204), etag(document), b""

    def _delete(self, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        if name not in self.documents:
            return 404, "", b"no such document"
        if refusal := self._unmet(name, headers):
            return refusal
        del self.documents[name]
        return 204, "", b""

    def _unmet(self, name: str, headers: Mapping[str, str]) -> tuple[int, str, bytes] | None:
        """RFC 9110 section 13.1, and 428 of RFC 6585 where there is no condition."""
        found = self.documents.get(name)
        if headers.get("if-none-match") == "*":
            return (412, "", b"it exists") if found is not None else None
        if "if-match" not in headers:
            return 428, "", b"say which state you have seen"
        matches = found is not None and headers["if-match"] == etag(found)
        return None if matches else (412, "", b"it has changed")


def etag(document: Mapping[str, Any]) -> str:
    """A strong validator (RFC 9110 section 8.8.3)."""
    return f'"{sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]}"'


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    store: HttpStore

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, validator, content = self.server.store.answer(self.command, self.path, headers, body)
        self.close_connection = True
        self.send_response(status)
        if validator:
            self.send_header("ETag", validator)
        if self.server.store.retry_after:
            self.send_header("Retry-After", self.server.store.retry_after)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 204:
            self.wfile.write(content)

    do_PUT = do_DELETE = do_GET

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""
