"""A webhook receiver that keeps every request and answers as scripted."""

import argparse
import asyncio
import base64
import json
import socket
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from certrail_fakes.arrivals import Arrivals
from certrail_fakes.tls import ThrowAwayCa


@dataclass(frozen=True, slots=True)
class Received:
    """One request, untouched. Header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def as_json(self) -> dict[str, object]:
        return {
            "method": self.method,
            "path": self.path,
            "headers": dict(self.headers),
            "body": base64.b64encode(self.body).decode(),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer.

    Attributes:
        hold: wait for ``WebhookReceiver.release`` before answering: a slow receiver.
        cut: hang up instead of answering (``"before"``) or in the middle of the body (``"within"``).
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: bool = False
    cut: str = ""


class WebhookReceiver:
    """An HTTP or HTTPS server on the loopback interface, in a thread of its own.

    ``GET /requests`` lists what arrived, with bodies in base64; everything else is kept and answered.
    """

    def __init__(self, *, port: int = 0, tls: bool = False, names: tuple[str, ...] = ()) -> None:
        self.ca = ThrowAwayCa() if tls else None
        self._requests: Arrivals[Received] = Arrivals()
        self._script: deque[Answer] = deque()
        self._gate = threading.Event()
        self._server = _Server(port, self)
        if self.ca:
            context = self.ca.server_context(*names)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host = "127.0.0.1"
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._serve, name="receiver-standin", daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{self.host}:{self.port}/hook"

    @property
    def ca_file(self) -> str:
        """The trust anchor of the server certificate, a PEM file."""
        assert self.ca, "this receiver speaks plain HTTP"
        return self.ca.ca_file

    @property
    def requests(self) -> list[Received]:
        """Everything received, oldest first."""
        return self._requests.all()

    async def wait_for(self, count: int, timeout: float = 60.0) -> list[Received]:  # noqa: ASYNC109
        """The requests, as soon as there are ``count``."""
        return await self._requests.wait_for(count, timeout)

    def script(self, *answers: Answer | int) -> None:
        """Answer the next requests like this, one each; afterwards with 200 again."""
        self._script.extend(Answer(item) if isinstance(item, int) else item for item in answers)

    def redirect(self, location: str, status: int = 302) -> None:
        """Answer the next request with a redirect."""
        self.script(Answer(status, {"Location": location}))

    def release(self) -> None:
        """Answer everything that is held."""
        self._gate.set()

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._gate.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def take(self, request: Received) -> Answer:
        """Keep one request and say how to answer it."""
        answer = self._script.popleft() if self._script else Answer()
        self._requests.add(request)
        if answer.hold:
            self._gate.wait()
        return answer

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A held request must not keep stop() waiting.
    block_on_close = False

    def __init__(self, port: int, receiver: WebhookReceiver) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.receiver = receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up, or refuse our certificate, are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer(self.server.receiver.take(Received(self.command, self.path, headers, body)))

    do_PUT = do_POST

    def do_GET(self) -> None:
        if self.path != "/requests":
            self.do_POST()
            return
        listing = json.dumps([request.as_json() for request in self.server.receiver.requests])
        self._answer(Answer(200, {"Content-Type": "application/json"}, listing.encode()))

    def _answer(self, answer: Answer) -> None:
        self.close_connection = True
        if answer.cut != "before":
            self._write(answer)
        if answer.cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def _write(self, answer: Answer) -> None:
        missing = 10 if answer.cut else 0
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + missing))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *arguments: object) -> None:
        """Stay quiet: the only line on stdout is the one that says ready."""


def main() -> None:
    parser = argparse.ArgumentParser(description="A webhook receiver that keeps every request")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    receiver = WebhookReceiver(port=options.port).start()
    base = f"http://{receiver.host}:{receiver.port}"
    print(json.dumps({"url": receiver.url, "requests": f"{base}/requests"}), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        receiver.stop()


if __name__ == "__main__":
    main()
