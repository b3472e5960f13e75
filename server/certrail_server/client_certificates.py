"""Client certificates that a trusted proxy has seen in a TLS handshake, and passes on in a header.

The header is believed only from the proxies' own addresses. So it is taken out of the call before `X-Forwarded-For`
replaces the address of the connection, and from everybody else it is dropped.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

LONGEST = 16_384
STATE = "client_certificate"
"""Where a call's state has the certificate, DER."""


class ClientCertificates:
    """ASGI middleware around whatever replaces the address of the connection."""

    def __init__(self, app: App, header: str, proxies: Collection[str]) -> None:
        self._app, self._name = app, header.lower().encode()
        self._networks = [ip_network(proxy) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Move the certificate from the header into the call's state."""
        if scope["type"] == "http":
            given = [value for name, value in scope["headers"] if name.lower() == self._name]
            scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != self._name]
            if len(given) == 1 and self._is_proxy(scope.get("client")):
                scope.setdefault("state", {})[STATE] = certificate_in(given[0].decode("latin-1"))
        await self._app(scope, receive, send)

    def _is_proxy(self, client: tuple[str, int] | None) -> bool:
        with suppress(ValueError):
            address = ip_address(client[0] if client else "")
            return any(address in network for network in self._networks)
        return False


def certificate_in(text: str) -> bytes | None:
    """The DER of a certificate in a header; ``None`` for none that can be read.

    Taken are escaped PEM (nginx), a byte sequence between colons (RFC 9440), and DER in base64 (HAProxy, Traefik).
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    if text.startswith("-----BEGIN"):
        pem = unquote(text) if "%" in text else text
        with suppress(ValueError):
            return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
        return None
    with suppress(ValueError, binascii.Error):
        return base64.b64decode(unquote(text).strip(":"), validate=True)
    return None
