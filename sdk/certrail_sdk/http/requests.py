"""One HTTP request to an address that was checked before the connection was made."""

import asyncio
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2

from certrail_sdk.errors import (
    ConcurrentModification,
    Misconfigured,
    NotFound,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Unauthorized,
)
from certrail_sdk.http.addresses import AddressRefused
from certrail_sdk.http.endpoint import Endpoint
from certrail_sdk.http.hosts import tls_context
from certrail_sdk.http.pinned import PinnedTransport
from certrail_sdk.translation import scrubbed

LONGEST_BODY = 4 * 1024 * 1024
REFUSAL_LIMIT = 64 * 1024
REFUSAL_SECONDS = 1.0
REFUSAL_TEXT = 200
SHORTEST_SECRET = 8
LONGEST_PAUSE = timedelta(days=1)
TRY_AGAIN = frozenset({408, 425})
CHANGED_MEANWHILE = frozenset({409, 412})
"""Conflict and Precondition Failed (RFC 9110 sections 15.5.10 and 15.5.13)."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the other side said.

    Attributes:
        headers: names in lower case.
        body: of an answer that took the request, as far as `request` was to read it; kept out of every repr.
        text: of a refusal, the readable beginning without secrets; else empty.
    """

    status: int
    retry_after: timedelta | None = None
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


async def post(endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> Response:
    """`request` by POST, without reading what a receiver says that took it."""
    return await request(endpoint, "POST", body, headers, read=0)


async def request(
    endpoint: Endpoint,
    method: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    read: int = LONGEST_BODY,
) -> Response:
    """Send one request, and say in the words of the SDK what an answer other than 2xx, or none, means.

    No redirect is followed, no proxy used, nothing repeated. An error has ``status`` and ``body`` of the answer.

    Args:
        read: bytes of a 2xx answer to read; a longer one is refused. 0: the body is not read at all.

    Raises:
        Misconfigured: the endpoint is not public, redirects, or has a certificate that is not trusted.
        Unauthorized: 401 or 403.
        NotFound: 404 or 410.
        ConcurrentModification: 409 or 412.
        RateLimited: 429, or 503 with ``Retry-After``, in seconds or as a date (RFC 9110 section 10.2.3).
        Retryable: 408, 425, other 5xx, or no answer in time.
        Permanent: any other answer, or a longer one than ``read``.
    """
    try:
        answer = await _exchanged(endpoint, method, body, headers or {}, read)
    except AddressRefused as error:
        action = "Use a public receiver, or have the host named in allowed_hosts."
        raise Misconfigured(endpoint.field, str(error), action=action) from error
    except (httpx2.TransportError, OSError) as error:
        raise _unreachable(error, endpoint) from error
    if refusal := refusal_of(answer, endpoint):
        refusal.status, refusal.body = answer.status, answer.text
        raise refusal
    return answer


async def request_json(
    endpoint: Endpoint, method: str, document: Any = None, headers: Mapping[str, str] | None = None
) -> Any:
    """`request` with a JSON document, or with ``None`` for no body, and the document of the answer.

    Args:
        headers: ``Content-Type`` is ``application/json`` where they name no other.

    Returns:
        What the body says; ``None`` where it is empty.

    Raises:
        Permanent: the answer is 2xx and no JSON; and all that `request` raises.
    """
    body = b"" if document is None else json.dumps(document).encode()
    types = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
    answer = await request(endpoint, method, body, types | dict(headers or {}))
    try:
        return json.loads(answer.body) if answer.body else None
    except ValueError:
        message = f"{endpoint.host} answered {answer.status} with something that is no JSON."
    raise Permanent(message, action="See whether the URL leads to the API that is meant.")


def refusal_of(answer: Response, endpoint: Endpoint) -> PluginError | None:
    """The error that an answer means; ``None`` for 2xx."""
    said = f"{endpoint.host} answered {answer.status}" + (f": {answer.text}" if answer.text else "")
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return Misconfigured(endpoint.field, f"{said}; redirects are not followed, give the final address")
    if answer.status in (401, 403):
        return Unauthorized(said)
    if answer.status in (404, 410):
        return NotFound(said)
    if answer.status in CHANGED_MEANWHILE:
        return ConcurrentModification(said)
    if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
        return RateLimited(said, retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status in TRY_AGAIN:
        return Retryable(said, retry_after=answer.retry_after)
    return Permanent(said)


def retry_after_of(value: str) -> timedelta | None:
    """Delay in seconds or HTTP-date (RFC 9110 section 10.2.3); ``None`` if it says neither. A day at most."""
    if re.fullmatch(r"[0-9]{1,9}", value):
        pause = timedelta(seconds=int(value))
    else:
        try:
            pause = timedelta(seconds=parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    return min(max(pause, timedelta()), LONGEST_PAUSE)


def _unreachable(error: Exception, endpoint: Endpoint) -> PluginError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of {endpoint.host} is refused: {cause.verify_message}"
        return Misconfigured(endpoint.field, message)
    reason = str(error) or type(error).__name__
    return Retryable(f"{endpoint.host} cannot be reached or did not answer in time: {reason}")


async def _exchanged(
    endpoint: Endpoint, method: str, body: bytes, headers: Mapping[str, str], read: int
) -> Response:
    """One exchange without redirects, without proxies, and within the configured time.

    Raises:
        AddressRefused, TimeoutError, OSError, httpx2.TransportError: there was no answer.
        Misconfigured: the CA file cannot be read.
        Permanent: the answer is longer than ``read``.
    """
    # Loading the system's CAs takes a while, so that only a request that needs them waits for it.
    # A CA file is read in any case: a wrong one is told by `check`, not by the first URL with https.
    secure = endpoint.url.startswith("https:") or endpoint.ca_file is not None
    context = await asyncio.to_thread(tls_context, endpoint.ca_file) if secure else _without_trust()
    # No client around the transport: it would log the URL, which may hold the receiver's own secret.
    outgoing = httpx2.Request(method, endpoint.url, content=body, headers=dict(headers))
    async with asyncio.timeout(endpoint.seconds), PinnedTransport(endpoint, context) as transport:
        response = await transport.handle_async_request(outgoing)
        text, content = "", b""
        try:
            if not response.is_success:
                text = await _beginning(response, list(_telling(endpoint, headers)))
            elif read:
                content = await _whole(response, read, endpoint)
        finally:
            await response.aclose()
    known = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, retry_after_of(known.get("retry-after", "")), text, known, content)


def _without_trust() -> ssl.SSLContext:
    """For plain HTTP: a context that trusts nobody, in case that it is used after all."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _whole(response: httpx2.Response, limit: int, endpoint: Endpoint) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise Permanent(f"{endpoint.host} answered with more than {limit} bytes.")
    return body


async def _beginning(response: httpx2.Response, secrets: list[str]) -> str:
    """What the receiver says of its refusal; nothing if it quotes a part of the request that may be a secret."""
    body = b""
    # The status is known; the words are a courtesy that nobody waits for.
    with suppress(httpx2.TransportError, TimeoutError):
        async with asyncio.timeout(REFUSAL_SECONDS):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= REFUSAL_LIMIT:
                    break
    text = body[:REFUSAL_LIMIT].decode("utf-8", "replace")
    if any(part in text for part in secrets):
        return ""
    return scrubbed(text)[:REFUSAL_TEXT]


def _telling(endpoint: Endpoint, headers: Mapping[str, str]) -> Iterator[str]:
    """The parts of a secret URL behind its host, and of header values, that are long enough to be a secret."""
    parts = urlsplit(endpoint.url if endpoint.secret else "")
    for part in re.split("[/&=;]", f"{parts.path}&{parts.query}"):
        if len(part) >= SHORTEST_SECRET:
            yield from (part, unquote(part))
    for name, value in headers.items():
        if name.lower() in ("authorization", "cookie") or "token" in name.lower() or "key" in name.lower():
            yield from (part for part in value.split() if len(part) >= SHORTEST_SECRET)
