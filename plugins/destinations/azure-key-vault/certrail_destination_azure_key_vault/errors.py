"""Azure's errors by what must be done about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.rest import HttpResponse

from certrail_sdk import ConcurrentModification, Permanent, PluginError, RateLimited, Retryable, Unauthorized

SETTLING = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
SETTLES_IN = timedelta(seconds=5)
"""Key Vault deletes and recovers in its own time, some seconds."""


@contextmanager
def translated_errors(action: str) -> Iterator[None]:
    """Turn what Azure's SDK raises into what the engine understands."""
    try:
        yield
    except AzureError as error:
        raise _translated(action, error) from None


def refuse_busy(response: PipelineResponse[Any, HttpResponse]) -> None:
    """Raise for a token endpoint that is busy: its answer would be taken for a refusal of the credentials."""
    answer = response.http_response
    if answer.status_code == 429 or answer.status_code >= 500:
        raise HttpResponseError(response=answer)


def _translated(action: str, error: AzureError) -> PluginError:
    if isinstance(error, ClientAuthenticationError) and isinstance(error.__cause__, AzureError):
        # The SDK wraps in this whatever keeps it from a token, such as a network that is down.
        return _translated(action, error.__cause__)
    if isinstance(error, HttpResponseError):
        return _by_status(action, error)
    return Retryable(f"{action}: Azure cannot be reached ({type(error).__name__}).")


def _by_status(action: str, error: HttpResponseError) -> PluginError:
    status, inner = error.status_code or 0, _inner_code(error)
    said = getattr(error.error, "message", None) or error.reason or "no reason given"
    if status == 429:
        # The SDK's type for a response promises less than every response of Key Vault has.
        after = getattr(error.response, "headers", {}).get("Retry-After", "")
        pause = timedelta(seconds=int(after)) if after.isdigit() else None
        return RateLimited(f"{action}: Azure asks for a pause.", retry_after=pause)
    if status >= 500 or status == 408:
        return Retryable(f"{action}: Azure answered {status}.")
    if isinstance(error, ClientAuthenticationError):
        return Unauthorized(f"{action}: the application's credentials were refused.")
    if status == 403:
        return Unauthorized(f"{action}: refused{f' ({inner})' if inner else ''}. {said}")
    if inner in SETTLING:
        return Retryable(f"{action}: {said}", retry_after=SETTLES_IN)
    if status == 409:
        return ConcurrentModification(f"{action}: {said}")
    if status == 0:
        return Retryable(f"{action}: Azure gave no answer.")
    return Permanent(f"{action}: {said}")


def _inner_code(error: HttpResponseError) -> str:
    """The code inside the error, which says more than the outer one."""
    inner = getattr(error.error, "innererror", None) or {}
    return str(inner.get("code", ""))
