"""The HTTP front of the Slack stand-in: API methods, response_url and the control interface."""

import json
import socket
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from certrail_fakes import slack_api
from certrail_fakes.slack_api import ApiError
from certrail_fakes.slack_socket import SocketMode
from certrail_fakes.slack_state import BOT_ID, BOT_USER_ID, Call, Fault, Json, Message, ResponsePost, State

RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60
Control = Callable[[Json], Json]


class Front(ThreadingHTTPServer):
    """Listens on the loopback interface."""

    daemon_threads = True
    # A held request must not keep stop() waiting.
    block_on_close = False

    def __init__(self, port: int, state: State, sockets: SocketMode) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.state = state
        self.sockets = sockets
        self.control: Control = lambda desired: {}

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""

    def api(self, method: str, token: str, arguments: Json) -> Json:
        """One call of an API method, put on record."""
        try:
            answer = slack_api.call(self.state, method, token, arguments)
        except ApiError as error:
            answer = error.body
        if method == "apps.connections.open" and answer["ok"]:
            answer["url"] = self.sockets.new_url()
        self.state.calls.add(Call(method, arguments, answer.get("error", "ok")))
        return answer

    def respond(self, secret: str, payload: Json) -> tuple[int, Json | str]:
        """One post to a response_url."""
        with self.state.lock:
            leave = self.state.response_urls.get(secret)
            if leave is None:
                return 404, {"ok": False, "error": "invalid_url"}
            if leave.uses >= RESPONSE_URL_USES:
                return 404, {"ok": False, "error": "used_url"}
            if self.state.now() - leave.made_at > RESPONSE_URL_SECONDS:
                return 404, {"ok": False, "error": "expired_url"}
            leave.uses += 1
            self._apply(leave.channel, leave.ts, leave.user, payload)
            self.state.response_posts.add(ResponsePost(leave.user, leave.channel, leave.ts, payload))
        return 200, "ok"

    def _apply(self, channel: str, ts: str, user: str, payload: Json) -> None:
        original = self.state.message(channel, ts)
        text, blocks = str(payload.get("text") or ""), payload.get("blocks") or []
        if original and payload.get("delete_original"):
            self.state.messages.remove(original)
        elif original and payload.get("replace_original"):
            original.text = text
            original.renderings.append(blocks)
        else:
            only_for = None if payload.get("response_type") == "in_channel" else user
            new_ts = self.state.next_ts()
            self.state.messages.append(
                Message(channel, new_ts, BOT_USER_ID, text, [blocks], bot_id=BOT_ID, only_for=only_for)
            )


class _Handler(BaseHTTPRequestHandler):
    server: Front

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("/api/"):
            self._api(path.removeprefix("/api/"), dict(urllib.parse.parse_qsl(query)))
        elif path == "/_control":
            self._control({})
        else:
            self._write(404, "not found")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        try:
            arguments = dict(urllib.parse.parse_qsl(query)) | self._arguments(body)
        except ValueError:
            self._write(200, {"ok": False, "error": "invalid_json"})
            return
        if path.startswith("/api/"):
            self._api(path.removeprefix("/api/"), arguments)
        elif path.startswith("/actions/"):
            secret = path.rpartition("/")[2]
            self._with_faults("response_url", lambda: self.server.respond(secret, arguments))
        elif path == "/_control":
            self._control(arguments)
        else:
            self._write(404, "not found")

    def _arguments(self, body: bytes) -> Json:
        if "json" not in (self.headers.get("Content-Type") or ""):
            return dict(urllib.parse.parse_qsl(body.decode()))
        parsed = json.loads(body)
        if not isinstance(parsed, dict):
            raise ValueError("no object")
        return parsed

    def _api(self, method: str, arguments: Json) -> None:
        token = arguments.pop("token", "") or (self.headers.get("Authorization") or "").removeprefix(
            "Bearer "
        )
        self._with_faults(method, lambda: (200, self.server.api(method, token, arguments)))

    def _with_faults(self, method: str, work: Callable[[], tuple[int, Json | str]]) -> None:
        fault = self.server.state.take_fault(method)
        if fault is None:
            self._write(*work())
            return
        answer = work() if fault.after or fault.hold else self._refused(method, fault)
        if fault.hold:
            self.server.state.held.add(method)
            self.server.state.gate.wait()
        if fault.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._write(*answer, headers=dict(fault.headers))

    def _refused(self, method: str, fault: Fault) -> tuple[int, Json | str]:
        self.server.state.calls.add(Call(method, {}, fault.error or str(fault.status)))
        return fault.status, {"ok": False, "error": fault.error} if fault.error else "unavailable"

    def _control(self, desired: Json) -> None:
        try:
            self._write(200, self.server.control(desired))
        except (LookupError, ValueError, TypeError, TimeoutError, OSError) as error:
            self._write(400, {"error": str(error)})

    def _write(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        text = isinstance(value, str)
        body = (value if text else json.dumps(value)).encode()
        self.send_response(status)
        for name, header in (headers or {}).items():
            self.send_header(name, header)
        self.send_header("Content-Type", "text/html" if text else "application/json; charset=utf-8")
        self.send_header("X-OAuth-Scopes", ",".join(sorted(self.server.state.scopes)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Stay quiet: the only line on stdout is the one that says ready."""
