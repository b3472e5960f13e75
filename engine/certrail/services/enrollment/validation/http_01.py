"""HTTP-01 (RFC 8555 section 8.3): a file below ``/.well-known/acme-challenge/``, behind at most a few redirects."""

import asyncio
import hmac
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import h11

from certrail.domain.endpoints.addresses import Address
from certrail.services.enrollment.validation.dns import addresses_of
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe, Shown

MOST_REDIRECTS = 10
LARGEST_ANSWER = 4096
"""Octets that are read of an answer; a key authorization has about a hundred."""
CONNECT_SECONDS = 4.0
PATH = "/.well-known/acme-challenge/"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SUCCESS = 200


class Location(NamedTuple):
    """Where to ask next; `port` is the one to connect to."""

    secure: bool
    host: str
    port: int
    path: str


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    location: str | None
    body: bytes


async def check(probe: Probe) -> Shown:
    """Fetch the key authorization. Raises CheckFailed."""
    host = f"[{probe.value}]" if ":" in probe.value else probe.value
    here = Location(False, host, probe.settings.http_port, PATH + probe.token)
    for _ in range(MOST_REDIRECTS + 1):
        answer = await _fetch(probe, here)
        if answer.status not in REDIRECTS:
            break
        here = _redirected(probe, here, answer.location)
    else:
        raise CheckFailed("connection", f"More than {MOST_REDIRECTS} redirects.")
    if answer.status != SUCCESS:
        raise CheckFailed("unauthorized", f"{here.host} answered with the status {answer.status}, not 200.")
    if not hmac.compare_digest(answer.body.strip(), probe.key_authorization.encode()):
        raise CheckFailed(
            "incorrectResponse", f"What {here.host} answered is not the key authorization of this challenge."
        )
    return Shown()


def _redirected(probe: Probe, here: Location, location: str | None) -> Location:
    """Where a redirect leads: HTTP or HTTPS at their own ports only, so that no other service can be reached."""
    base = f"{'https' if here.secure else 'http'}://{here.host}{here.path}"
    try:
        target = urlsplit(urljoin(base, location or ""))
        port = target.port
    except ValueError:
        raise CheckFailed("connection", f"{here.host} redirects to what is no URL.") from None
    secure, text = target.scheme == "https", f"{target.path}{target.query}"
    if target.scheme not in ("http", "https") or not (target.hostname and (target.hostname + text).isascii()):
        raise CheckFailed("connection", f"{here.host} redirects to what is no HTTP URL.")
    if target.username is not None or port not in (None, 443 if secure else 80, _port(probe, secure)):
        raise CheckFailed("connection", f"{here.host} redirects to a port that is not served.")
    host = f"[{target.hostname}]" if ":" in target.hostname else target.hostname
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    return Location(secure, host, _port(probe, secure), path)


def _port(probe: Probe, secure: bool) -> int:
    return probe.settings.tls_port if secure else probe.settings.http_port


async def _fetch(probe: Probe, here: Location) -> Answer:
    """One exchange with the first address that takes a connection: the one that was checked, never looked up again."""
    addresses = await addresses_of(probe, here.host)
    fault: Exception | None = None
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await _connected(address, here)
        except (OSError, TimeoutError) as problem:
            fault = problem
            continue
        try:
            return await _exchange(reader, writer, here)
        except (OSError, h11.ProtocolError, EOFError) as problem:
            raise CheckFailed(
                "connection", f"{here.host} at {address} did not answer with HTTP: {type(problem).__name__}."
            ) from None
        finally:
            writer.close()
    raise CheckFailed(
        "connection", f"No connection to {here.host}, port {here.port}: {type(fault).__name__}."
    )


async def _connected(address: Address, here: Location) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not here.secure:
        return await asyncio.open_connection(str(address), here.port)
    context = ssl.create_default_context()
    # Whoever asks for a certificate may have none yet (RFC 8555 section 10.2 trusts neither).
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return await asyncio.open_connection(
        str(address), here.port, ssl=context, server_hostname=here.host.strip("[]")
    )


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, here: Location) -> Answer:
    client = h11.Connection(h11.CLIENT)
    headers = {"Host": here.host, "User-Agent": "certrail", "Accept": "*/*", "Connection": "close"}
    request = h11.Request(
        method="GET", target=here.path.encode("ascii", "strict"), headers=list(headers.items())
    )
    writer.write((client.send(request) or b"") + (client.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    status, location, body = 0, None, b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(await reader.read(LARGEST_ANSWER))
        elif isinstance(event, h11.Response):
            status = event.status_code
            found: Mapping[bytes, bytes] = dict(event.headers)
            location = found.get(b"location", b"").decode("latin-1") or None
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
            if len(body) > LARGEST_ANSWER:
                return Answer(status, location, body[:LARGEST_ANSWER])
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return Answer(status, location, body)
