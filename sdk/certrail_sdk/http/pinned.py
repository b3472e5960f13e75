"""A transport that connects to the addresses that were checked, and to no others."""

import ssl

import httpx2

from certrail_sdk.http.addresses import resolve, resolve_public
from certrail_sdk.http.endpoint import Endpoint


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
