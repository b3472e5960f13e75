"""The client that blocks."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx2

from certrail_client.calls import PREFIX, Call, PagedCall
from certrail_client.exchange import Exchange, Pause, Steps, build
from certrail_client.retries import RetryPolicy
from certrail_client.waiting import LONGEST_POLL, certificate_request, decided

if TYPE_CHECKING:
    from certrail_client.models.common import CertificateRequestOut

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  the item of a page
R = TypeVar("R")
TIMEOUT_SECONDS = 60.0
AGENT = "certrail-client"


class Client:
    """Calls one certrail server as one caller; to be closed, or used in a `with`."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        retries: RetryPolicy | None = None,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx2.BaseTransport | None = None,
        user_agent: str = AGENT,
    ) -> None:
        """Nothing is sent yet.

        Args:
            base_url: such as `https://certrail.example`.
            token: bearer token; without one only what is public can be called.
            retries: how often safe calls are sent again, and with what pauses.
            timeout: seconds for connecting, and for each part of an answer.
            transport: another way to send requests, such as through a proxy.

        Raises:
            Unreachable: the address is no HTTP address.
        """
        self._exchange: Exchange = build(base_url, token, retries or RetryPolicy(), user_agent)
        self._timeout = timeout
        self._http = httpx2.Client(timeout=timeout, transport=transport)

    def __repr__(self) -> str:
        """Without the token."""
        return f"Client({self._exchange.base_url!r})"

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """The answer to a call. Raises CertrailClientError."""
        return self._run(self._exchange.answer(call))

    def pages(self, call: PagedCall[Any, I]) -> Iterator[I]:
        """The items of a list, page after page as they are consumed. Raises CertrailClientError."""
        following: PagedCall[Any, I] | None = call
        while following is not None:
            items, following = self._run(self._exchange.page(following))
            yield from items

    def wait_for_request(self, request_id: str, *, timeout: float = 300.0) -> "CertificateRequestOut":
        """A certificate request once it is decided: issued, rejected, refused, expired, cancelled or failed.

        Args:
            timeout: seconds; 0 looks once.

        Raises:
            WaitTimeout: it is not decided yet; `last` is the request as it is now.
        """
        steps = self._exchange.until(
            lambda wait: certificate_request(request_id, wait), decided, timeout, time.monotonic, LONGEST_POLL
        )
        return self._run(steps)

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        """One call that has no function in `certrail_client.api`, below `/api/v1`; it is never sent again but for GET.

        Raises:
            CertrailClientError: as `send` does.
        """
        return self.response(Call(method, f"{PREFIX}{path}", None, query, body))

    def response(self, call: Call[Any]) -> httpx2.Response:
        """The whole response to a call, which is no error. Raises CertrailClientError."""
        return self._run(self._exchange.response(call))

    def _run(self, steps: Steps[R]) -> R:
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    step = next(steps)
                    continue
                try:
                    answer = self._http.send(self._prepared(step.request, step.seconds))
                except (httpx2.TransportError, httpx2.InvalidURL) as problem:
                    step = steps.throw(problem)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            result: R = done.value
            return result

    def _prepared(self, request: httpx2.Request, seconds: float) -> httpx2.Request:
        request.extensions["timeout"] = httpx2.Timeout(self._timeout + seconds).as_dict()
        return request
