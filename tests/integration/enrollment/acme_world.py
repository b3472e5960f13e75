"""An ACME server with the workflows' steps done in this process, a DNS server, and certbot's library as the client."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from acme import challenges, client, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from josepy.b64 import b64encode
from josepy.jwa import ES256, RS256
from josepy.jwk import JWK, JWKEC, JWKRSA
from tests.integration.conftest import Team
from tests.support.web import NoWorkflows, served_application, serving

from certrail.domain.content import KeyAlgorithm
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.renewal import Advice
from certrail.domain.states import WAITING
from certrail.pki import keys
from certrail.services.core.orchestrator import OutboxMessage
from certrail.services.enrollment.validation.outcome import Probe
from certrail.services.facade import Services
from certrail_fakes.dns import DnsServer, dns_server


class Steps(NoWorkflows):
    """Takes the steps of validations and issuances where a workflow would; the waits between them are left out.

    Attributes:
        clock_on: moves the clock to when a step wants to be taken again.
    """

    def __init__(self, services: Services, clock_on: Callable[[Any], None]) -> None:
        self.services, self.clock_on = services, clock_on

    async def dispatch(self, message: OutboxMessage) -> None:
        if message.flow == "validation":
            await self.validate(message.subject_id)
        elif message.flow == "issuance":
            await asyncio.to_thread(self.services.issuance.advance, message.subject_id)

    async def dispatch_together(self, messages: Sequence[OutboxMessage]) -> None:
        left = [message.subject_id for message in messages]
        while left:
            left = list(await asyncio.to_thread(self.services.issuance_batch.advance, left))

    async def validate(self, challenge_id: str) -> str:
        validation = self.services.acme_validation
        while True:
            step = await asyncio.to_thread(validation.begin, challenge_id)
            if isinstance(step, Probe):
                outcome = await validation.check(step)
                step = await asyncio.to_thread(validation.record, challenge_id, outcome)
            if step.status != WAITING:
                return step.status
            self.clock_on(step.wake_at)


@dataclass
class Web:
    """A web server that serves challenges: the answer to a path, or a redirect.

    Attributes:
        seen: host and path of every request.
        folder: served below the path of challenges, where a client writes files.
        on_post: called with the body of a POST, such as that of a hook that sets a DNS record.
    """

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    folder: Path | None = None
    on_post: Callable[[str], None] = lambda _text: None

    def answer(self, path: str) -> str | None:
        """What is served at a path."""
        if path not in self.answers and self.folder is not None:
            file = self.folder / path.rpartition("/")[2]
            return file.read_text() if file.is_file() else None
        return self.answers.get(path)


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.seen.append((self.headers.get("Host", ""), self.path))
            if where := web.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", where)
                self.end_headers()
                return
            body = web.answer(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def do_POST(self) -> None:
            web.on_post(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class AcmeWorld:
    """One enrollment by ACME, and whom its names lead to."""

    team: Team
    url: str
    directory: str
    dns: DnsServer
    web: Web

    def settings(self, **changes: Any) -> None:
        """Set the enrollment's settings; the DNS server and loopback are allowed."""
        base = {
            "allowed_networks": ["127.0.0.0/8"],
            "resolvers": [self.dns.address],
            "http_port": self.web.port,
        }
        self.team.services.applications.set_enrollment(
            self.team.admin,
            self.team.application,
            "web",
            EnrollmentMethod.ACME,
            settings={**base, **changes},
        )

    def here(self, *names: str) -> None:
        """Let names lead to the web server."""
        for name in names:
            self.dns.set(name, "A", ["127.0.0.1"])

    def replace_all(self) -> None:
        """Have the authority advise that all it has issued is replaced, in a window that has ended."""
        clock = self.team.clock
        clock.advance(timedelta(seconds=1))
        window = Advice(begins=clock.now - timedelta(hours=2), ends=clock.now - timedelta(hours=1))
        self.team.services.renewal_advice.advise(self.team.admin, "root", window)

    def client(self, key: JWK | None = None, **registration: Any) -> "AcmeClient":
        """A client with an account of its own."""
        found = AcmeClient(self, key or JWKEC(key=ec.generate_private_key(ec.SECP256R1())))
        found.register(**registration)
        return found

    def stranger(self) -> "AcmeClient":
        """A client without an account."""
        return AcmeClient(self, JWKEC(key=ec.generate_private_key(ec.SECP256R1())))


class AcmeClient:
    """certbot's `acme` library with one account."""

    def __init__(self, world: AcmeWorld, key: JWK) -> None:
        self.world, self.key = world, key
        alg = RS256 if isinstance(key, JWKRSA) else ES256
        self.net = client.ClientNetwork(key, alg=alg, user_agent="test")
        self.acme = client.ClientV2(client.ClientV2.get_directory(world.directory, self.net), self.net)
        self.account: messages.RegistrationResource | None = None

    def register(self, **given: Any) -> messages.RegistrationResource:
        self.account = self.acme.new_account(messages.NewRegistration(**given))
        return self.account

    def order(self, *names: str, key: KeyAlgorithm = KeyAlgorithm.EC_P256) -> messages.OrderResource:
        return self.acme.new_order(csr_for(*names, key=key))

    def show_by_http(self, order: messages.OrderResource) -> None:
        """Serve every HTTP-01 challenge of an order and have it validated."""
        for authorization in order.authorizations:
            body = chosen(authorization, challenges.HTTP01)
            response, text = body.response_and_validation(self.key)
            self.world.web.answers[body.chall.path] = text
            self.acme.answer_challenge(body, response)

    def certificate(self, *names: str) -> messages.OrderResource:
        """The whole way to a certificate, by HTTP-01."""
        order = self.order(*names)
        self.show_by_http(order)
        return self.acme.poll_and_finalize(order)

    def post(self, url: str, payload: Any) -> Any:
        """A signed call; the payload as JSON, ``None`` for POST-as-GET."""
        return self.acme._post(url, payload)

    def raw(self, target: str, payload: dict[str, Any] | None, **header: Any) -> Any:
        """A signed call with a header of one's own; returns the answer whatever its status is."""
        text = b"" if payload is None else json.dumps(payload).encode()
        signed = self.signed(target, text, **header)
        return self.net.session.post(target, data=signed, headers={"Content-Type": "application/jose+json"})

    def signed(self, target: str, payload: bytes, **header: Any) -> bytes:
        """A JWS, with members of its header replaced."""
        nonce = self.net.session.head(self.acme.directory["newNonce"]).headers["Replay-Nonce"]
        base: dict[str, Any] = {"alg": self.net.alg.name, "nonce": nonce, "url": target}
        if self.account is not None and "jwk" not in header:
            base["kid"] = self.account.uri
        elif "kid" not in header:
            base["jwk"] = self.key.public_key().to_partial_json()
        base |= header
        protected = b64encode(json.dumps(base).encode()).decode()
        body = b64encode(payload).decode()
        signature = self.net.alg.sign(self.key.key, f"{protected}.{body}".encode())
        return json.dumps(
            {"protected": protected, "payload": body, "signature": b64encode(signature).decode()}
        ).encode()


def patient(client: AcmeClient) -> AcmeClient:
    """A client that tries again as often as it has to: the library does so once."""
    post = client.net.post

    def posted(*arguments: Any, **named: Any) -> Any:
        for _ in range(20):
            try:
                return post(*arguments, **named)
            except messages.Error as refusal:
                if refusal.code != "badNonce":
                    raise
        raise AssertionError("twenty nonces were refused")

    client.net.post = posted  # type: ignore[method-assign]
    return client


def soon() -> datetime:
    """Until when the library polls; it compares with the local time."""
    return datetime.now() + timedelta(seconds=60)  # noqa: DTZ005


def chosen(authorization: messages.AuthorizationResource, kind: Any) -> Any:
    """The challenge of one type."""
    return next(body for body in authorization.body.challenges if isinstance(body.chall, kind))


def csr_for(
    *names: str, key: KeyAlgorithm = KeyAlgorithm.EC_P256, ips: Sequence[Any] = (), cn: str | None = None
) -> bytes:
    """A CSR, PEM."""
    made = keys.generate(key)
    sans = [*(x509.DNSName(name) for name in names), *(x509.IPAddress(ip) for ip in ips)]
    parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)] if cn else []
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    built = built.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return built.sign(made, keys.hash_for(made)).public_bytes(Encoding.PEM)


def rsa_key() -> JWKRSA:
    return JWKRSA(key=rsa.generate_private_key(65537, 4096))


@contextmanager
def steps_taken(team: Team) -> Iterator[None]:
    """The steps of workflows are taken in this process; entered before the server starts."""
    app = served_application()
    before = app.state.orchestrator

    def clock_on(wake_at: Any) -> None:
        if wake_at is not None:
            team.clock.now = max(team.clock.now, wake_at)

    app.state.orchestrator = Steps(team.services, clock_on)
    try:
        yield
    finally:
        app.state.orchestrator = before


@contextmanager
def acme_world(team: Team) -> Iterator[AcmeWorld]:
    """The server of the profile `web` in the Application, with everything that it talks to."""
    with (
        steps_taken(team),
        dns_server() as dns,
        web_server() as web,
        serving(team.services) as url,
    ):
        directory = f"{url}/acme/applications/app/profiles/web/directory"
        world = AcmeWorld(team, url, directory, dns, web)
        world.settings()
        yield world
