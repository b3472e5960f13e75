"""The webhook notifier keeps every rule of the contract."""

from collections.abc import AsyncIterator, Callable

import pytest

from certrail_fakes.receiver import WebhookReceiver
from certrail_notifier_webhook import Webhook, WebhookConfig
from certrail_sdk.testing import NotifierConformance


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


def webhook(receiver: WebhookReceiver, *allowed: str) -> Webhook:
    url = receiver.url if allowed else receiver.url.replace("http:", "https:")
    secret = "a-signing-secret-nobody-knows"
    return Webhook(WebhookConfig.parse({"url": url, "signing_secret": secret, "allowed_hosts": allowed}))


class TestWebhook(NotifierConformance):
    @pytest.fixture
    def build(self, receiver: WebhookReceiver) -> Callable[[], Webhook]:
        return lambda: webhook(receiver, "127.0.0.1")

    @pytest.fixture
    def broken(self, receiver: WebhookReceiver) -> Webhook:
        """Without an exemption: the receiver's address is a private one."""
        return webhook(receiver)
