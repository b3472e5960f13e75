"""A mail server that keeps what it accepts and refuses what it is told to."""

import argparse
import asyncio
import json
import logging
import select
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from certrail_fakes.arrivals import Arrivals
from certrail_fakes.tls import ThrowAwayCa

Security = Literal["none", "starttls", "tls"]

# The server warns at every login about a field of its own that nobody here reads.
logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted message with the envelope it came in."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    user: str | None = None
    encrypted: bool = False

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    def part(self, kind: str) -> str:
        """The text of the first part of this content type, or the empty string."""
        for part in self.message.walk():
            if part.get_content_type() == kind:
                return str(part.get_content())
        return ""

    def as_json(self) -> dict[str, object]:
        return {
            "message_id": self.message_id,
            "sender": self.sender,
            "recipients": list(self.recipients),
            "subject": str(self.message["Subject"]),
            "headers": {name: str(value) for name, value in self.message.items()},
            "text": self.part("text/plain"),
            "html": self.part("text/html"),
        }


class SmtpServer:
    """An SMTP server on the loopback interface, in a thread of its own.

    Args:
        security: ``starttls`` offers the upgrade, ``tls`` speaks TLS from the first byte.
        require_tls: answer 530 to mail before STARTTLS.
        credentials: user name and password; when given, mail without AUTH is answered with 530.
        names: what the server certificate is for.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        security: Security = "starttls",
        require_tls: bool = False,
        credentials: tuple[str, str] | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        self.ca = ThrowAwayCa()
        self.host = "127.0.0.1"
        self.port = port
        self.refusals: dict[str, str] = {}
        """Answer to RCPT by address, such as ``550 5.1.1 No such user``."""
        self.data_answer: str | None = None
        """Answer to the end of DATA instead of accepting."""
        self.unavailable = False
        """Greet with 421 and hang up."""
        self.sessions = 0
        self._security = security
        self._require_tls = require_tls
        self._credentials = credentials
        self._context = self.ca.server_context(*names)
        self._mails: Arrivals[Mail] = Arrivals()
        self._held: Arrivals[str] = Arrivals()
        self._open_gate = threading.Event()
        self._open_gate.set()
        self._connections: set[_Connection] = set()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def ca_file(self) -> str:
        """The trust anchor of the server certificate, a PEM file."""
        return self.ca.ca_file

    @property
    def mails(self) -> list[Mail]:
        """Everything accepted, oldest first."""
        return self._mails.all()

    def by_message_id(self) -> dict[str, list[Mail]]:
        """The accepted mails, grouped as a mailbox that recognises repeats would."""
        grouped: dict[str, list[Mail]] = {}
        for mail in self.mails:
            grouped.setdefault(mail.message_id, []).append(mail)
        return grouped

    async def wait_for(self, count: int, timeout: float = 60.0) -> list[Mail]:  # noqa: ASYNC109
        """The accepted mails, as soon as there are ``count``."""
        return await self._mails.wait_for(count, timeout)

    async def wait_held(self, count: int = 1, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Return once ``count`` mails wait at the gate."""
        await self._held.wait_for(count, timeout)

    def hold(self) -> None:
        """Leave every following DATA without an answer until ``release``; what was accepted before is in `mails`."""
        self._held.clear()
        self._open_gate.clear()
        if self._thread is not None and self._thread is not threading.current_thread():
            # A mail that has passed the gate is accepted in the same turn of the server's loop.
            turned = threading.Event()
            self._loop.call_soon_threadsafe(turned.set)
            turned.wait()

    def release(self) -> None:
        """Accept what is held, unless its sender is gone, and what follows."""
        self._open_gate.set()

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="smtp-standin", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def stop(self) -> None:
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        tls = self._context if self._security == "tls" else None
        listener = await self._loop.create_server(self._connect, self.host, self.port, ssl=tls)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        listener.close()
        for connection in tuple(self._connections):
            connection.hang_up()
        # One turn of the loop cancels what was held, so that opening the gate accepts nothing.
        await asyncio.sleep(0)
        self._open_gate.set()

    def _connect(self) -> "_Connection":
        self.sessions += 1
        upgrade = self._context if self._security == "starttls" else None
        return _Connection(
            self,
            loop=self._loop,
            hostname="mail.standin.test",
            tls_context=upgrade,
            require_starttls=self._require_tls,
            auth_required=self._credentials is not None,
            auth_require_tls=upgrade is not None,
            authenticator=self._authenticate,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        # handled=False makes the server answer 535 instead of leaving the client without an answer.
        return AuthResult(success=given == self._credentials, handled=False, auth_data=data)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.refusals.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not self._open_gate.is_set():
            self._held.add(str(envelope.mail_from))
            while not self._open_gate.is_set():  # it may have been shut again before this task goes on
                await asyncio.to_thread(self._open_gate.wait)
            if is_gone(server.transport):
                return "421 4.4.2 The sender is gone"
        if self.data_answer:
            return self.data_answer
        self._mails.add(_mail(session, envelope, self._security == "tls"))
        return "250 2.0.0 Accepted"


class _Connection(SMTP):
    """One client; answers 421 at once when the server is told to be unavailable."""

    event_handler: SmtpServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler._connections.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    async def _handle_client(self) -> None:
        if not self.event_handler.unavailable:
            await super()._handle_client()
            return
        await self.push("421 4.3.2 mail.standin.test is not available, closing the connection")
        assert self.transport is not None
        self.transport.close()


def is_gone(transport: asyncio.BaseTransport | None) -> bool:
    """Whether the other side hung up, also when the event loop has not heard of it yet."""
    if transport is None or transport.is_closing():
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLRDHUP)
    return bool(poll.poll(0))


def _mail(session: Session, envelope: Envelope, implicit_tls: bool) -> Mail:
    content = envelope.original_content
    assert content is not None
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    login = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else None
    return Mail(
        sender=str(envelope.mail_from),
        recipients=tuple(str(address) for address in envelope.rcpt_tos),
        message=message,
        user=login,
        encrypted=implicit_tls or session.ssl is not None,
    )


def serve_messages(server: SmtpServer, port: int) -> ThreadingHTTPServer:
    """An HTTP server, not yet running, that answers ``GET /messages`` with the accepted mails."""

    class Inbox(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/messages"
            body = json.dumps([mail.as_json() for mail in server.mails] if found else None).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Stay quiet: the only line on stdout is the one that says ready."""

    return ThreadingHTTPServer(("127.0.0.1", port), Inbox)


def _ready_line(server: SmtpServer, inbox: ThreadingHTTPServer) -> Mapping[str, object]:
    return {
        "url": f"smtp://{server.host}:{server.port}",
        "host": server.host,
        "port": server.port,
        "messages": f"http://127.0.0.1:{inbox.server_address[1]}/messages",
        "ca_file": server.ca_file,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="A mail server that keeps what it accepts")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--security", choices=("none", "starttls", "tls"), default="starttls")
    parser.add_argument("--username")
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    credentials = (options.username, options.password) if options.username else None
    server = SmtpServer(port=options.port, security=options.security, credentials=credentials).start()
    inbox = serve_messages(server, options.http_port)
    print(json.dumps(_ready_line(server, inbox)), flush=True)
    try:
        inbox.serve_forever()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
