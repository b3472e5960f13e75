"""What a use case refuses, and why. The server turns each into a problem document (RFC 9457).

CertrailError
├── BadInput        400  the input cannot be read
├── Unauthenticated 401  who are you?
│   └── SignInTooOld     sign in again for this
├── Forbidden       403  you may see it, but not do that
├── NotFound        404  unknown, or not yours to see: the same answer
├── Conflict        409  the current state of the object does not allow it
├── Busy            429  others are being served; try again soon
├── PolicyViolation 422  the certificate policy denies it, with every violation
└── Unavailable     503  a part is missing now; nothing was recorded
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from certrail.domain.durations import format_duration

LONGEST_SHOWN = 64
"""Characters of what a caller named, in the answer that there is no such thing: enough for every slug and id."""


class CertrailError(Exception):
    """Base of all refusals.

    Attributes:
        kind: last segment of the problem type URI.
        status: HTTP status code.
        title: the same for every problem of the kind.
        detail: what is wrong here and what to change.
        extra: further members of the problem document.
    """

    kind = "error"
    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, *, kind: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.kind = kind or type(self).kind
        self.extra = {name: value for name, value in extra.items() if value is not None}


class BadInput(CertrailError):
    """The input cannot be read, or a value in it is wrong."""

    kind, status, title = "bad-input", 400, "Bad input"

    def __init__(self, detail: str, field: str | None = None, **extra: Any) -> None:
        super().__init__(detail, field=field, **extra)


class Unauthenticated(CertrailError):
    """No valid credentials came with the call."""

    kind, status, title = "unauthenticated", 401, "Credentials are missing or not valid"

    @property
    def challenge(self) -> str:
        """The value of the header `WWW-Authenticate` (RFC 9110 section 11.6.1)."""
        return "Bearer"


class SignInTooOld(Unauthenticated):
    """The caller is known, but signed in too long ago for this (RFC 9470).

    Attributes:
        max_age: how old the sign-in may be.
    """

    kind, title = "sign-in-too-old", "A newer sign-in is needed"

    def __init__(self, detail: str, max_age: timedelta, **extra: Any) -> None:
        super().__init__(detail, max_sign_in_age=format_duration(max_age), **extra)
        self.max_age = max_age

    @property
    def challenge(self) -> str:
        """What a client sends the user back to its authorization server with (RFC 9470 section 3)."""
        seconds = int(self.max_age.total_seconds())
        return (
            'Bearer error="insufficient_user_authentication", error_description="Sign in again.",'
            f' max_age="{seconds}"'
        )


class Forbidden(CertrailError):
    """The caller may see the object but not do this."""

    kind, status, title = "forbidden", 403, "Not allowed"


class NotFound(CertrailError):
    """There is no such object, or the caller may not know that there is."""

    kind, status, title = "not-found", 404, "Not found"

    def __init__(self, what: str = "object", reference: str | None = None) -> None:
        """`reference` is what the caller named it by, so that the answer says which of several is meant.

        It is the same for what is unknown and what may not be seen: it never comes from the database.
        """
        which = f"such {what}" if reference is None else f"{what} {_cut(reference)!r}"
        super().__init__(f"There is no {which}, or you may not see it.")


class Conflict(CertrailError):
    """The current state of the object does not allow the call."""

    kind, status, title = "conflict", 409, "Conflict"


class AwaitsPlugin(Conflict):
    """The installed plugin cannot be given what is stored; what needs it waits, as another plugin can.

    Attributes:
        action: what to install; what waits goes on by itself then.
    """

    action = "Install the plugin that it is stored for; it goes on by itself then."

    def __init__(self, detail: str) -> None:
        super().__init__(detail, action=type(self).action)


class OutdatedPlugin(AwaitsPlugin):
    """What is stored was written by a newer version of the plugin than the one that is installed here."""

    kind = "outdated-plugin"
    action = "Install the newer version of the plugin again; it goes on by itself then."


class ForeignPlugin(AwaitsPlugin):
    """What is stored was given to a plugin of another distribution than the one that has its name here."""

    kind = "foreign-plugin"
    action = (
        "Install that distribution again; it goes on by itself then. Or see: certrail plugin transfer --help"
    )


class PluginFailed(CertrailError):
    """A plugin gave no answer in time, or raised what its contract does not have."""

    kind, status, title = "plugin-failed", 502, "A plugin failed"


class Busy(CertrailError):
    """So many of these calls are under way that this one has to wait; nothing was recorded."""

    kind, status, title = "busy", 429, "Too many at once"


class PolicyViolation(CertrailError):
    """The certificate policy denies the request."""

    kind, status, title = "policy-violation", 422, "The certificate policy denies this"

    def __init__(self, violations: Sequence[Any]) -> None:
        rows = [v.model_dump(mode="json") if hasattr(v, "model_dump") else dict(v) for v in violations]
        detail = "; ".join(str(row.get("message", row)) for row in rows)
        super().__init__(detail, violations=rows)
        self.violations = rows


class Unavailable(CertrailError):
    """A part of the installation is missing now; nothing was recorded."""

    kind, status, title = "unavailable", 503, "Not available now"


def _cut(reference: str) -> str:
    return reference if len(reference) <= LONGEST_SHOWN else f"{reference[: LONGEST_SHOWN - 1]}…"
