"""What happens between a call and its answer, without I/O: both clients drive the same steps.

A generator yields a request to send, to which it is sent the response or thrown the transport's error, or a pause in
seconds; it returns the answer.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx2

from certrail_client.calls import Call, PagedCall, json_of
from certrail_client.errors import Unreachable, WaitTimeout, error_of
from certrail_client.retries import RETRIED_STATUS, RetryPolicy, retry_after

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  the item of a page
R = TypeVar("R")


@dataclass(frozen=True)
class Send:
    """A request to send.

    Attributes:
        seconds: how much longer than usual the answer may take, as the server holds it back.
    """

    request: httpx2.Request
    seconds: float = 0.0


@dataclass(frozen=True)
class Pause:
    """Nothing to do for so many seconds."""

    seconds: float


Steps = Generator[Send | Pause, "httpx2.Response | None", R]


@dataclass(frozen=True)
class Exchange:
    """How calls are made to one server as one caller."""

    base_url: str
    headers: Mapping[str, str]
    retries: RetryPolicy

    def __repr__(self) -> str:
        """Without the headers, which hold the token."""
        return f"Exchange({self.base_url!r})"

    def response(self, call: Call[Any], seconds: float = 0.0) -> Steps[httpx2.Response]:
        """Send a call, again where that is safe; returns an answer that is no error.

        Raises:
            ApiError: the server refused or failed.
            Unreachable: it did not answer.
        """
        attempt = 0
        while True:
            attempt += 1
            asked: float | None = None
            try:
                answer = yield Send(self._request(call), seconds)
                assert answer is not None
                if not answer.is_error:
                    return answer
                asked = retry_after(answer)
                failure: Exception = error_of(answer, asked)
                again = answer.status_code in RETRIED_STATUS
            except (httpx2.TransportError, httpx2.InvalidURL) as problem:
                cause = type(problem).__name__
                failure = Unreachable(f"{self.base_url} cannot be reached ({cause}).", cause)
                again = isinstance(problem, httpx2.TransportError)
            # A create is sent again under the key that it was sent with first, so the server makes one object.
            pause = self.retries.pause(attempt, asked) if again and call.may_repeat else None
            if pause is None:
                raise failure
            yield Pause(pause)

    def answer(self, call: Call[T], seconds: float = 0.0) -> Steps[T]:
        """The parsed answer to a call."""
        return call.parse((yield from self.response(call, seconds)))

    def page(self, call: PagedCall[Any, I]) -> Steps[tuple[list[I], PagedCall[Any, I] | None]]:
        """The items of one page, and the call for the next one."""
        page = yield from self.answer(call)
        items, cursor = (
            (page["items"], page.get("next_cursor"))
            if isinstance(page, dict)
            else (page.items, page.next_cursor)
        )
        following = replace(call, query={**call.query, call.position: cursor}) if cursor is not None else None
        return items, following

    def until(
        self,
        read: Callable[[float], Call[T]],
        done: Callable[[T], bool],
        timeout: float,
        clock: Callable[[], float],
        longest_poll: float,
    ) -> Steps[T]:
        """Read an object by long polls until it is as it should be.

        Args:
            read: the call that waits on the server for up to so many seconds.
            clock: monotonic seconds.

        Raises:
            WaitTimeout: the time is over.
        """
        deadline = clock() + timeout
        while True:
            wait = max(0.0, min(longest_poll, deadline - clock()))
            found = yield from self.answer(read(wait), wait)
            if done(found):
                return found
            if clock() >= deadline:
                raise WaitTimeout(f"Not done within {timeout:g} seconds.", found)

    def _request(self, call: Call[Any]) -> httpx2.Request:
        headers = dict(self.headers)
        if call.idempotency_key is not None:
            headers["idempotency-key"] = call.idempotency_key
        return httpx2.Request(
            call.method,
            f"{self.base_url}{call.path}",
            params=call.parameters() or None,
            json=json_of(call.body) if call.body is not None else None,
            headers=headers,
        )


def build(base_url: str, token: str | None, retries: RetryPolicy, agent: str) -> Exchange:
    """How to call a server. Raises Unreachable for an address that is none."""
    if not base_url.startswith(("http://", "https://")):
        raise Unreachable(f"{base_url} cannot be reached: begin with http:// or https://.", "InvalidURL")
    headers = {"user-agent": agent, "accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return Exchange(base_url.rstrip("/"), headers, retries)
