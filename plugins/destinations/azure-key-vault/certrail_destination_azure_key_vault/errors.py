"""Azure's errors by what must be done about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from certrail_sdk import Permanent, PluginError, RateLimited, Retryable, Unauthorized


def inner_code(error: HttpResponseError) -> str:
    """The code inside the error, which says more than the outer one."""
    inner = getattr(error.error, "innererror", None) or {}
    return str(inner.get("code", ""))


@contextmanager
def told_plainly(action: str) -> Iterator[None]:
    """Turn what Azure's SDK raises into what the engine understands."""
    try:
        yield
    except ClientAuthenticationError:
        raise Unauthorized(f"{action}: the application's credentials were refused.") from None
    except HttpResponseError as error:
        raise _by_status(action, error) from None
    except AzureError as error:
        raise Retryable(f"{action}: Key Vault cannot be reached ({type(error).__name__}).") from None


def _by_status(action: str, error: HttpResponseError) -> PluginError:
    status, inner = error.status_code or 0, inner_code(error)
    said = getattr(error.error, "message", None) or error.reason or "no reason given"
    if status == 429:
        # The SDK's type for a response promises less than every response of Key Vault has.
        after = getattr(error.response, "headers", {}).get("Retry-After", "")
        pause = timedelta(seconds=int(after)) if after.isdigit() else None
        return RateLimited(f"{action}: Key Vault asks for a pause.", retry_after=pause)
    if status in (401, 403):
        return Unauthorized(f"{action}: refused{f' ({inner})' if inner else ''}. {said}")
    if inner == "ObjectIsBeingDeleted":
        return Retryable(f"{action}: {said}", retry_after=timedelta(seconds=5))
    if status >= 500 or status in (0, 408):
        return Retryable(f"{action}: Key Vault answered {status}.")
    return Permanent(f"{action}: {said}")
