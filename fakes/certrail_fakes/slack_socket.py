"""Socket Mode of the Slack stand-in: envelopes out, acknowledgements in."""

import json
import logging
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from certrail_fakes.arrivals import Arrivals
from certrail_fakes.slack_state import APP_ID, Json


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement of an envelope, with the answer it carried."""

    envelope_id: str
    payload: Json = field(default_factory=dict)


class SocketMode:
    """A WebSocket server; every connection needs a fresh ticket from ``apps.connections.open``."""

    def __init__(self) -> None:
        self.acks: Arrivals[Ack] = Arrivals()
        self.connected: Arrivals[str] = Arrivals()
        """The ticket of every connection that was ever made."""
        self.closed: Arrivals[str] = Arrivals()
        """That of every connection that has ended."""
        self._tickets: set[str] = set()
        self._sent: dict[str, Json] = {}
        self._open: list[ServerConnection] = []
        self._lock = threading.Lock()
        self._server: Server = serve(
            self._talk, "127.0.0.1", 0, process_request=self._admit, logger=_silence()
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="slack-sockets", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.hang_up()
        self._server.shutdown()
        if self._thread.is_alive():
            self._thread.join()

    def new_url(self) -> str:
        """A URL that is good for one connection."""
        ticket = secrets.token_urlsafe(18)
        with self._lock:
            self._tickets.add(ticket)
        port = self._server.socket.getsockname()[1]
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={APP_ID}"

    def deliver(self, payload: Json) -> str:
        """Send an interaction to the app; returns the envelope id."""
        envelope_id = secrets.token_hex(16)
        envelope = {"envelope_id": envelope_id, "type": "interactive", "payload": payload}
        self._sent[envelope_id] = envelope | {"accepts_response_payload": True}
        self.deliver_again(envelope_id)
        return envelope_id

    def deliver_again(self, envelope_id: str) -> None:
        """Send the same envelope once more, as Slack does when no acknowledgement came."""
        with self._lock:
            if not self._open:
                raise LookupError("no app is connected")
            connection = self._open[-1]
        connection.send(json.dumps(self._sent[envelope_id]))

    def refresh(self) -> None:
        """Ask every app to connect anew, then hang up."""
        for connection in self._connections():
            with suppress(ConnectionClosed):
                connection.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))

    def hang_up(self) -> None:
        for connection in self._connections():
            connection.close()

    def _connections(self) -> list[ServerConnection]:
        with self._lock:
            return list(self._open)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        ticket = request.path.partition("ticket=")[2].partition("&")[0]
        with self._lock:
            if ticket not in self._tickets:
                return connection.respond(HTTPStatus.FORBIDDEN, "this ticket is not good\n")
            self._tickets.remove(ticket)
        return None

    def _talk(self, connection: ServerConnection) -> None:
        info = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP_ID}}
        with suppress(ConnectionClosed):
            connection.send(json.dumps(info))
            with self._lock:
                self._open.append(connection)
            self.connected.add(_ticket(connection))
            for message in connection:
                self._acknowledged(json.loads(message))
        with self._lock:
            if connection in self._open:
                self._open.remove(connection)
        self.closed.add(_ticket(connection))

    def _acknowledged(self, message: Json) -> None:
        envelope_id = str(message.get("envelope_id"))
        if envelope_id in self._sent:
            self.acks.add(Ack(envelope_id, message.get("payload") or {}))


def _ticket(connection: ServerConnection) -> str:
    return connection.request.path if connection.request else ""


def _silence() -> logging.Logger:
    """The library would log tickets and payloads, which tests then find among the app's own logs."""
    logger = logging.getLogger("certrail_fakes.slack.sockets")
    logger.setLevel(logging.CRITICAL)
    return logger
