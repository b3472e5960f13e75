"""A fake of Edge, as strict as its API document; `python tests/fake_edge.py` serves it."""

import hmac
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

TOKEN = "edge-token-of-the-tests"
PATH = "/v1/certificates/"
PARTS = {"label", "chain", "key"}


class FakeEdge:
    """Certificates by name, behind `GET`, `PUT` and `DELETE /v1/certificates/<name>`.

    Attributes:
        objects: each with label, chain and key; the key is never answered.
        busy: whether every call is answered with 429.
    """

    def __init__(self, port: int = 0) -> None:
        self.objects: dict[str, dict[str, str]] = {}
        self.busy = False
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, name: str, token: str, body: bytes) -> tuple[int, dict[str, str]]:
        """Status and document of one call."""
        if not hmac.compare_digest(token, f"Bearer {TOKEN}"):
            return 401, {"error": "unknown token"}
        if self.busy:
            return 429, {"error": "too many calls"}
        if method == "PUT":
            document = json.loads(body)
            if set(document) != PARTS:
                return 422, {"error": f"expected {', '.join(sorted(PARTS))}"}
            self.objects[name] = document
        elif name not in self.objects:
            return 404, {"error": "no such certificate"}
        found = self.objects[name] if method != "DELETE" else self.objects.pop(name)
        return 200, {part: value for part, value in found.items() if part != "key"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        edge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                name = self.path.removeprefix(PATH)
                status, document = edge.answer(self.command, name, self.headers.get("authorization", ""), body)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                if status == 429:
                    self.send_header("retry-after", "30")
                self.end_headers()
                self.wfile.write(content)

            do_PUT = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a test prints what it needs."""

        return Handler


if __name__ == "__main__":
    edge = FakeEdge(int(sys.argv[1]))
    print(f"Edge is at {edge.url}, its token is {TOKEN}", flush=True)
    edge.server.serve_forever()
