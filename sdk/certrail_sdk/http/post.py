"""One POST to an address that was checked before the connection was made."""

import asyncio
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

import httpx2

from certrail_sdk.errors import (
    Misconfigured,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Unauthorized,
)
from certrail_sdk.http.addresses import AddressRefused, resolve, resolve_public
from certrail_sdk.http.hosts import tls_context

BODY_LIMIT = 64 * 1024
BODY_SECONDS = 1.0
SHORTEST_SECRET = 8
LONGEST_PAUSE = timedelta(days=1)
TRY_AGAIN = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post, and on which terms.

    Attributes:
        url: absolute; kept out of every repr and error, for it may hold the receiver's own secret.
        private: whether the host may have addresses that are not public.
        ca_file: PEM file with the only CAs to trust; ``None`` for those of the system.
        seconds: for the whole exchange.
        field: of the configuration, to be named when the URL is at fault.
    """

    url: str = field(repr=False)
    private: bool = False
    ca_file: str | None = None
    seconds: float = 7.0
    field: str = "url"

    @property
    def host(self) -> str:
        """The host name in ASCII, or the address."""
        return httpx2.URL(self.url).raw_host.decode("ascii")


@dataclass(frozen=True, slots=True)
class Response:
    """What the receiver said. ``text`` is empty when it took the request."""

    status: int
    retry_after: timedelta | None = None
    text: str = ""


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Resolves the host once, checks the addresses, and connects to just these.

    A second look-up at connection time could give another answer than the one that was checked.
    """

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext) -> None:
        self._resolve = resolve if endpoint.private else resolve_public
        self._seconds = endpoint.seconds
        self._inner = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to the first address that can be reached.

        Raises:
            AddressRefused: the host leads to an address that is not public.
            OSError: the host name cannot be resolved.
        """
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        failure: httpx2.TransportError = httpx2.ConnectError(f"{host} has no address")
        addresses = await self._resolve(host, port)
        # A first address that swallows packets must leave time for the second.
        seconds = self._seconds / (len(addresses) + 1)
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address, seconds))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx2.Request, host: str, address: str, seconds: float) -> httpx2.Request:
    """The same request to this address; Host header, SNI and certificate check keep the name."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={"sni_hostname": host, "timeout": {"connect": seconds}},
    )


async def post(endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> Response:
    """Post, and say in the words of the SDK what an answer other than 2xx, or none, means.

    Raises:
        Misconfigured: the endpoint is not public, redirects, or has a certificate that is not trusted.
        Unauthorized: 401 or 403.
        RateLimited: 429, or 503 with ``Retry-After``.
        Retryable: 408, 425, other 5xx, or no answer in time.
        Permanent: any other answer.
    """
    try:
        answer = await _post(endpoint, body, headers)
    except AddressRefused as error:
        action = "Use a public receiver, or have the host named in allowed_hosts."
        raise Misconfigured(endpoint.field, str(error), action=action) from error
    except (httpx2.TransportError, OSError) as error:
        raise _unreachable(error, endpoint) from error
    if refusal := _refusal(answer, endpoint):
        raise refusal
    return answer


def _refusal(answer: Response, endpoint: Endpoint) -> PluginError | None:
    said = f"{endpoint.host} answered {answer.status}" + (f": {answer.text}" if answer.text else "")
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return Misconfigured(endpoint.field, f"{said}; redirects are not followed, give the final address")
    if answer.status in (401, 403):
        return Unauthorized(said)
    if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
        return RateLimited(said, retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status in TRY_AGAIN:
        return Retryable(said, retry_after=answer.retry_after)
    return Permanent(said)


def _unreachable(error: Exception, endpoint: Endpoint) -> PluginError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of {endpoint.host} is refused: {cause.verify_message}"
        return Misconfigured(endpoint.field, message)
    reason = str(error) or type(error).__name__
    return Retryable(f"{endpoint.host} cannot be reached or did not answer in time: {reason}")


async def _post(endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> Response:
    """Post without following redirects, without proxies, and within the configured time.

    Raises:
        AddressRefused, TimeoutError, OSError, httpx2.TransportError: there was no answer.
        Misconfigured: the CA file cannot be read.
    """
    context = await asyncio.to_thread(tls_context, endpoint.ca_file)
    # No client around the transport: it would log the URL, which may hold the receiver's own secret.
    request = httpx2.Request("POST", endpoint.url, content=body, headers=headers)
    async with asyncio.timeout(endpoint.seconds), PinnedTransport(endpoint, context) as transport:
        response = await transport.handle_async_request(request)
        try:
            text = "" if response.is_success else await _beginning(response, endpoint.url)
        finally:
            await response.aclose()
    return Response(response.status_code, _retry_after(response.headers.get("Retry-After", "")), text)


async def _beginning(response: httpx2.Response, url: str) -> str:
    """What the receiver says of its refusal; nothing if it quotes a part of the URL that may be a secret."""
    body = b""
    # The status is known; the words are a courtesy that nobody waits for.
    with suppress(httpx2.TransportError, TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= BODY_LIMIT:
                    break
    text = body[:BODY_LIMIT].decode("utf-8", "replace")
    if any(part in text for part in _telling(url)):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def _telling(url: str) -> Iterator[str]:
    """The parts of a URL behind its host that are long enough to be a secret, as they stand there and decoded."""
    parts = urlsplit(url)
    for part in re.split("[/&=;]", f"{parts.path}&{parts.query}"):
        if len(part) >= SHORTEST_SECRET:
            yield from (part, unquote(part))


def _retry_after(value: str) -> timedelta | None:
    """Delay in seconds or HTTP-date (RFC 9110 section 10.2.3); ``None`` if it says neither."""
    if re.fullmatch(r"[0-9]{1,9}", value):
        pause = timedelta(seconds=int(value))
    else:
        try:
            pause = timedelta(seconds=parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    return min(max(pause, timedelta()), LONGEST_PAUSE)
