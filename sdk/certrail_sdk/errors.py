"""What a plugin raises. The name says what the engine must do next; the engine owns all waiting.

PluginError
├── Retryable            try again, at ``retry_after`` if given
│   ├── RateLimited      the other side demanded a pause
│   └── ConcurrentModification         somebody else is changing the object; look again
└── Permanent            the same input will be refused again: a person must act
    ├── NotFound         the object is not there
    ├── Misconfigured    the field named ``field`` is wrong
    ├── Unauthorized     the credentials were refused or lack a right
    └── QuotaExceeded    the other side is full until somebody makes room

Anything else that leaves a plugin is taken for a bug in it: retried a few times, then reported with the
plugin's name and version.
"""

import inspect
from datetime import timedelta


class PluginError(Exception):
    """The plugin could not do its work."""

    action = "See the message."
    """What the person who reads about this error should do."""
    status: int | None = None
    """HTTP status of the other side's answer, where there was one."""
    body: str = ""
    """The beginning of that answer, without anything that may be secret."""

    def __init__(self, message: str = "", *, action: str = "") -> None:
        # A class without a docstring says what its base says.
        super().__init__(message or (inspect.getdoc(type(self)) or type(self).__name__).splitlines()[0])
        if action:
            self.action = action


class Retryable(PluginError):
    """The other side is busy or unreachable; a later try may succeed."""

    action = "Nothing: it is tried again by itself."

    def __init__(self, message: str = "", *, retry_after: timedelta | None = None, action: str = "") -> None:
        super().__init__(message, action=action)
        self.retry_after = retry_after


class RateLimited(Retryable):
    """The other side demanded a pause.

    Args:
        nothing_written: the verb has changed nothing there, as what was refused is the only thing that it writes. The
            next deploy need not look whether an object exists.
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: timedelta | None = None,
        action: str = "",
        nothing_written: bool = False,
    ) -> None:
        super().__init__(message, retry_after=retry_after, action=action)
        self.nothing_written = nothing_written


class ConcurrentModification(Retryable):
    """Somebody else is changing the same object."""


class Permanent(PluginError):
    """The other side refused, and will refuse the same input again."""

    action = "Correct what the message names, then retry the delivery or the message by hand."


class NotFound(Permanent):
    """The other side has no such object. Most verbs catch it and go on: nothing to observe, nothing to remove."""


class Misconfigured(Permanent):
    """A configuration field is wrong."""

    def __init__(self, field: str, message: str = "", *, action: str = "") -> None:
        super().__init__(
            f"{field}: {message or 'this value is refused'}",
            action=action or f"Correct the field {field!r} of the configuration.",
        )
        self.field = field


class Unauthorized(Permanent):
    """The credentials were refused or lack a right."""

    action = "Renew the credentials of the connection, or grant the right that the message names."


class QuotaExceeded(Permanent):
    """The other side has no room for one more object."""

    action = "Raise the quota or remove unused objects at the destination, then retry."


class Forged(PluginError):
    """An inbound callback whose signature, timestamp or origin does not hold. Answered with 403."""

    action = "Check the signing secret of the channel."


class Malformed(PluginError):
    """An inbound callback that cannot be read. Answered with 400."""
