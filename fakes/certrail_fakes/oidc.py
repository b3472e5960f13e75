"""A strict OpenID Connect provider with the device authorization grant (RFC 8628)."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from joserfc import jwt
from joserfc.jwk import ECKey

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LIFETIME = 300


@dataclass
class Device:
    """One authorization that was started."""

    user_code: str
    nonce: str | None
    scope: str
    last_poll: float | None = None
    decision: dict[str, Any] | None = None
    refused: bool = False
    expired: bool = False
    used: bool = False


@dataclass
class FakeOidc:
    """Its state, and what a test makes of it.

    Attributes:
        interval: seconds between polls; a faster one is answered `slow_down`.
        claims: overrides of the ID token's claims.
        key: signs the ID tokens; `published` is what the key set shows.
    """

    client_id: str
    client_secret: str = field(repr=False)
    issuer: str = ""
    interval: float = 0.0
    device_flow: bool = True
    claims: dict[str, Any] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    published: ECKey | None = None
    started: threading.Event = field(default_factory=threading.Event)

    def approve(self, user_code: str, subject: str, email: str, *, verified: bool = True) -> None:
        """The user enters the code and confirms."""
        device = self._waiting(user_code)
        device.decision = {
            "sub": subject,
            "email": email,
            "email_verified": verified,
            "name": subject.capitalize(),
        }

    def refuse(self, user_code: str) -> None:
        """The user refuses."""
        self._waiting(user_code).refused = True

    def expire(self, user_code: str) -> None:
        """The user took too long."""
        self._waiting(user_code).expired = True

    def _waiting(self, user_code: str) -> Device:
        (device,) = (device for device in self.devices.values() if device.user_code == user_code)
        return device

    def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0."""
        found: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }
        return found | (
            {"device_authorization_endpoint": f"{self.issuer}/device"} if self.device_flow else {}
        )

    def start(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """RFC 8628 section 3.1."""
        if "openid" not in form.get("scope", "").split():
            return 400, {"error": "invalid_scope"}
        code, user_code = secrets.token_urlsafe(24), f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        self.devices[code] = Device(user_code, form.get("nonce"), form["scope"])
        self.started.set()
        verification = f"{self.issuer}/activate"
        return 200, {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": verification,
            "verification_uri_complete": f"{verification}?user_code={user_code}",
            "expires_in": LIFETIME,
            "interval": max(1, int(self.interval)),
        }

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """RFC 8628 sections 3.4 and 3.5; a device code is good for one token."""
        if form.get("grant_type") != GRANT:
            return 400, {"error": "unsupported_grant_type"}
        device = self.devices.get(form.get("device_code", ""))
        if device is None or device.used:
            return 400, {"error": "invalid_grant"}
        now, last = time.monotonic(), device.last_poll
        device.last_poll = now
        if device.expired:
            return 400, {"error": "expired_token"}
        if device.refused:
            return 400, {"error": "access_denied"}
        if last is not None and now - last < self.interval:
            return 400, {"error": "slow_down"}
        if device.decision is None:
            return 400, {"error": "authorization_pending"}
        device.used = True
        nonce = {"nonce": device.nonce} if device.nonce else {}
        issued = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": issued, "exp": issued + LIFETIME}
        claims |= device.decision | nonce | self.claims
        signed = jwt.encode({"alg": "ES256", "kid": "one"}, claims, self.key)
        access = {"access_token": secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": LIFETIME}
        return 200, {**access, "id_token": signed}

    def authenticated(self, header: str) -> bool:
        """`client_secret_basic` (RFC 6749 section 2.3.1)."""
        scheme, _, text = header.partition(" ")
        if scheme != "Basic":
            return False
        ident, _, secret = base64.b64decode(text).decode().partition(":")
        return (unquote(ident), unquote(secret)) == (self.client_id, self.client_secret)


@contextmanager
def oidc(client_id: str = "certrail", client_secret: str = "s+cret/of the client") -> Iterator[FakeOidc]:
    """Serve a provider on loopback."""
    state = FakeOidc(client_id, client_secret)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, name="oidc", daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _handler(state: FakeOidc) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = state.published or state.key
            pages = {
                "/.well-known/openid-configuration": state.metadata(),
                "/keys": {"keys": [key.as_dict(private=False)]},
            }
            self._answer(*((200, pages[self.path]) if self.path in pages else (404, {})))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
            steps = {"/token": state.token} | ({"/device": state.start} if state.device_flow else {})
            if self.path not in steps:
                self._answer(404, {})
            elif not state.authenticated(self.headers.get("authorization", "")):
                self._answer(401, {"error": "invalid_client"})
            else:
                self._answer(*steps[self.path](form))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words: Any) -> None:
            """Nothing is printed."""

    return Handler
