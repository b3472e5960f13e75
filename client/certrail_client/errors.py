"""What can go wrong: every refusal of the server is a problem document (RFC 9457), raised as a typed exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

KIND_PREFIX = "urn:certrail:problem:"


@dataclass(frozen=True)
class Problem:
    """A problem document, `application/problem+json` (RFC 9457).

    Attributes:
        type: URI of the kind of problem, such as `urn:certrail:problem:not-found`.
        title: what kind of problem it is, for a person.
        status: HTTP status code.
        detail: what is wrong here, and what to change.
        instance: path of the call.
        request_id: id under which the server's log has the call.
        members: every other member of the document, such as `errors` or `violations`.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    request_id: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The last part of the type, such as `not-found`."""
        return self.type.removeprefix(KIND_PREFIX)

    @property
    def messages(self) -> list[str]:
        """One sentence for every violation, or the detail where the document lists none."""
        listed = self.members.get("violations") or ()
        found = [str(item["message"]) for item in listed if isinstance(item, Mapping) and "message" in item]
        return found or [self.detail]

    @property
    def action(self) -> str:
        """What a person should do where a plugin or an outside system refused; empty where `detail` says it all."""
        return str(self.members.get("action") or "")


class CertrailClientError(Exception):
    """Base of all errors of this client."""


class Unreachable(CertrailClientError):
    """No answer arrived: the connection failed, or was cut. A call that changes something may have been executed.

    Attributes:
        cause: why, in a word.
    """

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class InvalidReference(CertrailClientError, ValueError):
    """A slug or id that cannot be part of an address."""


class InvalidAnswer(CertrailClientError):
    """The answer is not what the API describes: another server, or another version of it."""


class WaitTimeout(CertrailClientError):
    """The state that was waited for did not come in time.

    Attributes:
        last: the object as it was read last.
    """

    def __init__(self, message: str, last: Any) -> None:
        super().__init__(message)
        self.last = last


class ApiError(CertrailClientError):
    """The server answered with an error.

    Attributes:
        problem: the problem document.
        retry_after: seconds after which the server asks to be called again (RFC 9110 section 10.2.3).
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """HTTP status code."""
        return self.problem.status

    @property
    def kind(self) -> str:
        """The kind of problem, such as `not-found`."""
        return self.problem.kind


class BadInput(ApiError):
    """400: the input is wrong."""


class Unauthenticated(ApiError):
    """401: no valid credentials."""


class Forbidden(ApiError):
    """403: the caller may not do this."""


class NotFound(ApiError):
    """404: there is no such object, or the caller may not see it."""


class Conflict(ApiError):
    """409: the call conflicts with the present state."""


class Unprocessable(ApiError):
    """422: a rule, such as that of a certificate policy, or an outside system refused."""


class TooManyRequests(ApiError):
    """429: called too often."""


class ServerError(ApiError):
    """5xx: the server failed."""


class Unavailable(ServerError):
    """502, 503 or 504: the server cannot answer now."""


BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def error_of(answer: httpx2.Response, retry_after: float | None = None) -> ApiError:
    """The exception for an answer with an error status."""
    problem = _problem(answer)
    fallback = ServerError if answer.is_server_error else ApiError
    return BY_STATUS.get(answer.status_code, fallback)(problem, retry_after)


def _problem(answer: httpx2.Response) -> Problem:
    """The problem document of an answer; a proxy's answer, which has none, is described by its status."""
    try:
        document = answer.json()
        known = {name: document.pop(name, None) for name in ("type", "title", "detail")}
        if not all(isinstance(text, str) for text in known.values()):
            raise ValueError
    except (ValueError, TypeError, AttributeError):
        reason = answer.reason_phrase or "Error"
        return Problem(
            "about:blank", reason, answer.status_code, f"The server answered {answer.status_code}."
        )
    document.pop("status", None)
    instance, request_id = document.pop("instance", None), document.pop("request_id", None)
    return Problem(
        **known, status=answer.status_code, instance=instance, request_id=request_id, members=document
    )
