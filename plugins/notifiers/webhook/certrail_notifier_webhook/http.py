"""One POST to an address that was checked before the connection was made."""

import asyncio
import re
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx

from certrail_notifier_webhook.addresses import resolve, resolve_public
from certrail_notifier_webhook.config import WebhookConfig
from certrail_sdk import Misconfigured

BODY_LIMIT = 64 * 1024
BODY_SECONDS = 1.0
LONGEST_PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said. ``text`` is empty when it took the event."""

    status: int
    retry_after: timedelta | None = None
    text: str = ""


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves the host once, checks the addresses, and connects to just these.

    A second look-up at connection time could give another answer than the one that was checked.
    """

    def __init__(self, config: WebhookConfig, context: ssl.SSLContext) -> None:
        self._resolve = resolve if config.allows(config.host) else resolve_public
        self._seconds = config.timeout_seconds
        self._inner = httpx.AsyncHTTPTransport(verify=context, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the first address that can be reached.

        Raises:
            AddressRefused: the host leads to an address that is not public.
            OSError: the host name cannot be resolved.
        """
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        failure: httpx.TransportError = httpx.ConnectError(f"{host} has no address")
        addresses = await self._resolve(host, port)
        # A first address that swallows packets must leave time for the second.
        seconds = self._seconds / (len(addresses) + 1)
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address, seconds))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, host: str, address: str, seconds: float) -> httpx.Request:
    """The same request to this address; Host header, SNI and certificate check keep the name."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={"sni_hostname": host, "timeout": {"connect": seconds}},
    )


async def post(config: WebhookConfig, body: bytes, headers: dict[str, str]) -> Answer:
    """Post without following redirects, without proxies, and within the configured time.

    Raises:
        AddressRefused, TimeoutError, OSError, httpx.TransportError: there was no answer.
        Misconfigured: the CA file cannot be read.
    """
    context = await asyncio.to_thread(_tls_context, config)
    # No client around the transport: it would log the URL, which may hold the receiver's own secret.
    request = httpx.Request("POST", config.url, content=body, headers=headers)
    async with asyncio.timeout(config.timeout_seconds), PinnedTransport(config, context) as transport:
        response = await transport.handle_async_request(request)
        try:
            text = "" if response.is_success else await _beginning(response)
        finally:
            await response.aclose()
    return Answer(response.status_code, _retry_after(response.headers.get("Retry-After", "")), text)


def _tls_context(config: WebhookConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ValueError) as error:
        # The reason stays out: it would tell which files the worker has.
        raise Misconfigured("ca_file", "is no PEM file that this worker can read") from error


async def _beginning(response: httpx.Response) -> str:
    body = b""
    # The status is known; the words are a courtesy that nobody waits for.
    with suppress(httpx.TransportError, TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= BODY_LIMIT:
                    break
    text = body[:BODY_LIMIT].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


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
