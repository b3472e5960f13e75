"""The client that awaits."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx2

from certrail_client.calls import PREFIX, Call, PagedCall
from certrail_client.client import AGENT, TIMEOUT_SECONDS
from certrail_client.exchange import Exchange, Pause, Steps, build
from certrail_client.retries import RetryPolicy
from certrail_client.waiting import LONGEST_POLL, certificate_request, decided

if TYPE_CHECKING:
    from certrail_client.models.common import CertificateRequestOut

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  the item of a page
R = TypeVar("R")


class AsyncClient:
    """`certrail_client.Client` for asyncio; to be closed, or used in an `async with`."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        retries: RetryPolicy | None = None,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx2.AsyncBaseTransport | None = None,
        user_agent: str = AGENT,
    ) -> None:
        """Nothing is sent yet; see `certrail_client.Client`. Raises Unreachable."""
        self._exchange: Exchange = build(base_url, token, retries or RetryPolicy(), user_agent)
        self._timeout = timeout
        self._http = httpx2.AsyncClient(timeout=timeout, transport=transport)

    def __repr__(self) -> str:
        """Without the token."""
        return f"AsyncClient({self._exchange.base_url!r})"

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """The answer to a call. Raises CertrailClientError."""
        return await self._run(self._exchange.answer(call))

    async def pages(self, call: PagedCall[Any, I]) -> AsyncIterator[I]:
        """The items of a list, page after page as they are consumed. Raises CertrailClientError."""
        following: PagedCall[Any, I] | None = call
        while following is not None:
            items, following = await self._run(self._exchange.page(following))
            for item in items:
                yield item

    async def wait_for_request(self, request_id: str, *, timeout: float = 300.0) -> "CertificateRequestOut":  # noqa: ASYNC109
        """A certificate request once it is decided. Raises WaitTimeout."""
        steps = self._exchange.until(
            lambda wait: certificate_request(request_id, wait), decided, timeout, time.monotonic, LONGEST_POLL
        )
        return await self._run(steps)

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        """One call that has no function in `certrail_client.api`, below `/api/v1`. Raises CertrailClientError."""
        return await self.response(Call(method, f"{PREFIX}{path}", None, query, body))

    async def response(self, call: Call[Any]) -> httpx2.Response:
        """The whole response to a call, which is no error. Raises CertrailClientError."""
        return await self._run(self._exchange.response(call))

    async def _run(self, steps: Steps[R]) -> R:
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    step = next(steps)
                    continue
                step.request.extensions["timeout"] = httpx2.Timeout(self._timeout + step.seconds).as_dict()
                try:
                    answer = await self._http.send(step.request)
                except (httpx2.TransportError, httpx2.InvalidURL) as problem:
                    step = steps.throw(problem)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            result: R = done.value
            return result
