"""What can fail, by what is to be done about it."""


class AgentError(Exception):
    """Base of all errors of the agent.

    Attributes:
        action: what a person should do; empty where waiting is enough.
    """

    def __init__(self, message: str, action: str = "") -> None:
        super().__init__(message)
        self.action = action


class ConfigError(AgentError):
    """The configuration cannot be used; `faults` has every fault with its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults), "Correct the configuration, then run certrail-agent check.")
        self.faults = faults


class Unreachable(AgentError):
    """The server did not answer, or cannot now: the same call is sent again later.

    Attributes:
        retry_after: seconds that the server asks to wait (RFC 9110 section 10.2.3).
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(AgentError):
    """The server answered with a problem document (RFC 9457).

    Attributes:
        status: HTTP status code.
        kind: last part of the problem's type, such as `not-found`.
        request: id of a certificate request that the problem names, if any.
    """

    def __init__(self, status: int, kind: str, detail: str, request: str | None = None) -> None:
        super().__init__(detail, "Change what the server names; the agent tries again by itself.")
        self.status, self.kind, self.request = status, kind, request

    @property
    def is_about_the_caller(self) -> bool:
        """Whether the token is refused, which says nothing about the request."""
        return self.status == 401 or (self.status == 403 and self.kind == "forbidden")


class RequestEnded(AgentError):
    """A certificate request ended without a certificate: rejected, cancelled, expired or failed."""


class DeployFailed(AgentError):
    """The certificate is not in use: files, reload or health check failed."""
