"""EST on a TLS port of its own, where clients authenticate with their certificates (RFC 7030 section 3.3.2).

OpenSSL verifies that a client has the key of its certificate, and that one of our authorities signed it; what the
certificate may be used for, and whether it is revoked, is looked up for each call. A client without one is let in: it
sends a passphrase.
"""

import asyncio
import logging
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.server import ServerState

from certrail.services.facade import Services
from certrail_server.client_certificates import STATE, App, Scope
from certrail_server.http_protocol import LimitedProtocol
from certrail_server.ports import CannotListen, listening
from certrail_server.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Between two looks whether an authority was added, or the files of the server's certificate were replaced."""
HANDSHAKE_SECONDS = 10.0
"""Of a client that says nothing: it holds a connection, and no request that could be counted."""
SERVED = ("/.well-known/est/", "/est/")
NOTHING_ELSE = b"Only EST is served here.\n"


class PeerCertificateProtocol(LimitedProtocol):
    """Puts the certificate of the TLS handshake into the state of each call: uvicorn hides it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The handshake is over."""
        session: ssl.SSLObject = transport.get_extra_info("ssl_object")
        if (der := session.getpeercert(binary_form=True)) is not None:
            self.app_state = {**self.app_state, STATE: der}
        super().connection_made(transport)


class EstOnly:
    """The application's paths of EST, and nothing else of it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a call, by 404 where it is none of EST."""
        if scope["type"] == "http" and scope["path"].startswith(SERVED):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(NOTHING_ELSE)).encode())]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": NOTHING_ELSE})


class EstListener:
    """One TLS port; its certificate and the authorities whose clients it admits follow the files and the database."""

    def __init__(self, http: App, services: Services, settings: Settings, config: uvicorn.Config) -> None:
        """Load certificate and authorities.

        Args:
            config: of the server's other listener, whose limits are taken over.

        Raises:
            BadServerCertificate: the files cannot be read, or do not belong together.
        """
        assert settings.est_port is not None
        assert settings.est_tls_certificate_file is not None
        assert settings.est_tls_key_file is not None
        self._services = services
        self._files = settings.est_tls_certificate_file, settings.est_tls_key_file
        self._host, self._port = settings.est_host or settings.host, settings.est_port
        self._config = uvicorn.Config(
            EstOnly(http),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            http=PeerCertificateProtocol,
            ws="none",
            proxy_headers=False,
            h11_max_incomplete_event_size=config.h11_max_incomplete_event_size,
        )
        self._stamps: list[int] = []
        self._known: frozenset[str] = frozenset()
        self._context = _context()
        try:
            self._load_certificate()
        except (OSError, ssl.SSLError) as problem:
            raise BadServerCertificate(
                f"The certificate of the EST listener cannot be used ({problem}): look at"
                " CERTRAIL_EST_TLS_CERTIFICATE_FILE and CERTRAIL_EST_TLS_KEY_FILE."
            ) from None
        self._trust(services.est_server.client_authorities())
        self._watch: asyncio.Task[None] | None = None

    async def open(self, state: ServerState, app_state: dict[str, Any]) -> asyncio.base_events.Server:
        """Listen. Raises CannotListen."""
        self._config.load()

        def protocol() -> PeerCertificateProtocol:
            return PeerCertificateProtocol(self._config, state, app_state)

        with ExitStack() as opened:
            sock = opened.enter_context(listening(self._port, self._host, "CERTRAIL_EST"))
            server = await asyncio.get_running_loop().create_server(
                protocol, sock=sock, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
            opened.pop_all()
        self._watch = asyncio.create_task(self._follow())
        return server

    def close(self) -> None:
        """Follow no longer; the server that was opened is closed by its owner."""
        if self._watch is not None:
            self._watch.cancel()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Take over a new server certificate and new authorities, for the handshakes from now on."""
        try:
            self._load_certificate()
        except (OSError, ssl.SSLError) as problem:
            log.error("the certificate of the EST listener stays as it was: %s", problem)
        with suppress(SQLAlchemyError):
            self._trust(await run_in_threadpool(self._services.est_server.client_authorities))

    def _load_certificate(self) -> None:
        stamps = [_stamp(file) for file in self._files]
        if stamps != self._stamps:
            # Without a password OpenSSL would ask for one at the terminal.
            self._context.load_cert_chain(*self._files, password="")
            self._stamps = stamps

    def _trust(self, authorities: frozenset[str]) -> None:
        """Add authorities. None is taken out: for each call it is looked up whether the client's is valid."""
        if fresh := authorities - self._known:
            self._context.load_verify_locations(cadata="\n".join(sorted(fresh)))
            self._known |= fresh


class BadServerCertificate(CannotListen):
    """The files of the EST listener's certificate cannot be used; the message says what to look at."""


class Server(uvicorn.Server):
    """uvicorn's server with a second listener for EST, where there is one."""

    def __init__(self, config: uvicorn.Config, est: EstListener | None = None) -> None:
        super().__init__(config)
        self._est = est

    async def startup(self, sockets: Any = None) -> None:
        """Listen everywhere."""
        await super().startup(sockets)
        if self._est is not None:
            self.servers.append(await self._est.open(self.server_state, self.lifespan.state))

    async def shutdown(self, sockets: Any = None) -> None:
        """Close everything that listens."""
        if self._est is not None:
            self._est.close()
        await super().shutdown(sockets)


def est_listener(
    http: App, services: Services, settings: Settings, config: uvicorn.Config
) -> EstListener | None:
    """The listener that the settings want; ``None`` for none. Raises BadServerCertificate."""
    return EstListener(http, services, settings, config) if settings.est_port is not None else None


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    # An intermediate is an anchor by itself: a client need not send the chain above its certificate.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


def _stamp(file: Path) -> int:
    return file.stat().st_mtime_ns
