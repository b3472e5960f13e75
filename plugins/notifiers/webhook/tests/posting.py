"""What the tests of the webhook notifier post."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from certrail_fakes.receiver import WebhookReceiver
from certrail_notifier_webhook import Webhook, WebhookConfig
from certrail_sdk import Fact, Notification

SECRET = "a-signing-secret-nobody-knows"


README = Path(__file__).parent.parent / "README.md"


def webhook(receiver: WebhookReceiver, **changes: object) -> Webhook:
    values: dict[str, object] = {
        "url": receiver.url,
        "signing_secret": SECRET,
        "allowed_hosts": ["127.0.0.1"],
        "timeout_seconds": 5,
    }
    return Webhook(WebhookConfig.parse({**values, **changes}))


def notification(**changes: object) -> Notification:
    values: dict[str, object] = {
        "id": "ntf-1",
        "event_type": "certificate.issued",
        "occurred_at": datetime(2026, 3, 1, 13, 30, tzinfo=timezone(timedelta(hours=1))),
        "title": "api.example.com was issued",
        "summary": "Valid for 90 days.",
        "facts": (Fact(label="Serial", value="0a1b"),),
        "source": "/applications/payments",
        "application": "payments",
        "data": {"certificate": "crt-1", "names": ["api.example.com"], "title": "not this one"},
    }
    return Notification.model_validate({**values, **changes})
