"""Slack's refusals in the words of the SDK."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from certrail_sdk import Misconfigured, Permanent, PluginError, RateLimited, Retryable, Unauthorized

DEFAULT_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(days=1)
LIMITED = frozenset({"ratelimited", "rate_limited"})
BUSY = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
CREDENTIALS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
CHANNEL = {
    "channel_not_found": "Slack knows no such channel, or the app may not see it",
    "is_archived": "the channel is archived",
    "not_in_channel": "the app is not in this channel; invite it there",
}


@asynccontextmanager
async def translated_errors() -> AsyncIterator[None]:
    """Turn what the vendor's SDK raises into what the engine understands.

    The vendor's exceptions hold the request with its token, so they are not chained.
    """
    try:
        yield
    except SlackApiError as error:
        raise refusal(error) from None
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
        raise Misconfigured("api_url", "the server's certificate is refused") from None
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
        raise Retryable(f"Slack cannot be reached or did not answer: {type(error).__name__}") from None


def refusal(error: SlackApiError) -> PluginError:
    """What the engine must do about one refused call."""
    data, status, headers = _answer(error)
    code = code_of(error)
    said = f"Slack answered {code or status}"
    if status == 429 or code in LIMITED:
        return RateLimited(said, retry_after=_pause(headers))
    if code in CREDENTIALS:
        needed = data.get("needed")
        return Unauthorized(f"{said}; the app lacks {needed}" if needed else said)
    if code in CHANNEL:
        return Misconfigured("channel", f"{CHANNEL[code]} ({code})")
    if code in BUSY or status >= 500 or not code:
        return Retryable(said)
    return Permanent(f"{said}{_complaints(data)}")


def code_of(error: SlackApiError) -> str:
    """Slack's name of the refusal; empty when there is none."""
    return str(_answer(error)[0].get("error") or "")


def _answer(error: SlackApiError) -> tuple[Mapping[str, object], int, Mapping[str, str]]:
    # The SDK also raises with aiohttp's own response, which has no parsed data.
    response = error.response
    data = getattr(response, "data", None)
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    headers = getattr(response, "headers", None) or {}
    return (data if isinstance(data, Mapping) else {}), int(status), headers


def _pause(headers: Mapping[str, str]) -> timedelta:
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return min(timedelta(seconds=int(given)), LONGEST_PAUSE) if given.isdecimal() else DEFAULT_PAUSE


def _complaints(data: Mapping[str, object]) -> str:
    metadata = data.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    return f": {'; '.join(str(message) for message in messages)[:500]}" if isinstance(messages, list) else ""
