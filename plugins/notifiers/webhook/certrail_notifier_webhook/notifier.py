"""The notifier: one signed POST, its answer told in the words of the SDK."""

import ssl
import time
from datetime import UTC, datetime

import httpx

from certrail_notifier_webhook.addresses import AddressRefused
from certrail_notifier_webhook.config import WebhookConfig
from certrail_notifier_webhook.event import CONTENT_TYPE, encode, ping
from certrail_notifier_webhook.http import Answer, post
from certrail_notifier_webhook.signature import HEADER, sign
from certrail_sdk import (
    Misconfigured,
    Notification,
    Notifier,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Sent,
    Unauthorized,
)

TRY_AGAIN = frozenset({408, 425})


class Webhook(Notifier[WebhookConfig]):
    """Posts events as signed CloudEvents."""

    name = "webhook"
    title = "Webhook"
    connection_type = "webhook"

    async def check(self) -> None:
        """Check the address and post a signed ``io.certrail.ping`` event."""
        await self.send(ping(datetime.fromtimestamp(time.time(), UTC)))

    async def send(self, notification: Notification) -> Sent:
        body = encode(notification)
        host = self.config.host
        try:
            answer = await post(self.config, body, self._headers(body))
        except AddressRefused as error:
            action = "Use a public receiver, or have the host named in allowed_hosts."
            raise Misconfigured("url", str(error), action=action) from error
        except (httpx.TransportError, OSError) as error:
            raise _unreachable(error, host) from error
        if refusal := _refusal(answer, host):
            raise refusal
        return Sent(reference=notification.id)

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "certrail-webhook/1", "Connection": "close"}
        if self.config.signing_secret:
            headers[HEADER] = sign(self.config.signing_secret.get_secret_value(), body, int(time.time()))
        return headers


def _refusal(answer: Answer, host: str) -> PluginError | None:
    said = f"{host} answered {answer.status}" + (f": {answer.text}" if answer.text else "")
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return Misconfigured("url", f"{said}; redirects are not followed, give the final address")
    if answer.status in (401, 403):
        return Unauthorized(said)
    if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
        return RateLimited(said, retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status in TRY_AGAIN:
        return Retryable(said, retry_after=answer.retry_after)
    return Permanent(said)


def _unreachable(error: Exception, host: str) -> PluginError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Misconfigured("url", f"the certificate of {host} is refused: {cause.verify_message}")
    reason = str(error) or type(error).__name__
    return Retryable(f"{host} cannot be reached or did not answer in time: {reason}")
