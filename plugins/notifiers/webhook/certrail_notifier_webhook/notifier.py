"""The notifier: one signed POST."""

import time
from datetime import UTC, datetime

from certrail_notifier_webhook.config import WebhookConfig
from certrail_notifier_webhook.event import CONTENT_TYPE, encode, ping
from certrail_notifier_webhook.signature import HEADER, sign
from certrail_sdk import Notification, Notifier, Sent
from certrail_sdk.http import post


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
        await post(self.config.endpoint, body, self._headers(body))
        return Sent(reference=notification.id)

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "certrail-webhook/1", "Connection": "close"}
        if self.config.signing_secret:
            headers[HEADER] = sign(self.config.signing_secret.get_secret_value(), body, int(time.time()))
        return headers
