"""The webhook notifier."""

from typing import Any

from certrail_notifier_webhook.config import WebhookConfig
from certrail_notifier_webhook.notifier import Webhook
from certrail_sdk import Notifier, hookimpl

__all__ = ["Webhook", "WebhookConfig"]


@hookimpl
def certrail_notifiers() -> list[type[Notifier[Any]]]:
    """The notifiers of this distribution."""
    return [Webhook]
