"""The notifier: one event of the Events API V2 per message, sent by PagerDuty's own client."""

import asyncio
from typing import Any

import pagerduty

from certrail_notifier_pagerduty.config import PagerDutyConfig
from certrail_sdk import (
    Misconfigured,
    Notification,
    Notifier,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Sent,
    Severity,
    Stage,
)
from certrail_sdk.http import tls_context

SUMMARY, DETAIL = 1024, 4096
SECONDS = 20
NOTHING_OPEN = "certrail-check"
"""A key that no incident has: to resolve it changes nothing."""
SEVERITIES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class PagerDuty(Notifier[PagerDutyConfig]):
    """Opens an incident, and acknowledges and resolves it with certrail's own."""

    name = "pagerduty"
    title = "PagerDuty"
    connection_type = "pagerduty"
    keeps_incidents = True

    async def check(self) -> None:
        """Prove the integration key, changing nothing."""
        await asyncio.to_thread(self._send, "resolve", NOTHING_OPEN, {})

    async def send(self, notification: Notification) -> Sent:
        key = notification.incident or notification.id
        if not notification.incident or notification.stage is Stage.OPEN:
            action, content = "trigger", _content(notification)
        else:
            action = "acknowledge" if notification.stage is Stage.ACKNOWLEDGED else "resolve"
            content = {}
        await asyncio.to_thread(self._send, action, key, content)
        return Sent(reference=key)

    def _send(self, action: str, key: str, content: dict[str, Any]) -> None:
        client = pagerduty.EventsApiV2Client(
            self.config.routing_key.get_secret_value(),
            base_url=self.config.events_url,
            trust_env=False,
            verify=tls_context(self.config.ca_file),
        )
        # The engine owns all retrying; without these limits the client would sleep and repeat a 429 for ever.
        client.retry, client.max_http_attempts, client.max_network_attempts = {429: 1}, -1, 0
        client.timeout = SECONDS
        try:
            client.send_event(action, dedup_key=key, **content)
        except pagerduty.Error as error:
            raise _translated(error) from None
        finally:
            client.close()


def _content(notification: Notification) -> dict[str, Any]:
    payload = {
        "summary": f"{notification.title} ({notification.summary})"[:SUMMARY],
        "source": notification.source,
        "severity": SEVERITIES[notification.severity],
        "timestamp": notification.occurred_at.isoformat(),
        "group": notification.application,
        "class": notification.event_type,
        "custom_details": {fact.label: fact.value[:DETAIL] for fact in notification.facts},
    }
    links = [{"href": notification.link, "text": "certrail"}] if notification.link else []
    return {"payload": payload, "links": links, "client": "certrail"}


def _translated(error: pagerduty.Error) -> PluginError:
    """https://developer.pagerduty.com/docs/events-api-v2-overview, "Response Codes & Retry Logic"."""
    status = error.response.status_code if error.response is not None else None
    if status is None:
        return Retryable("PagerDuty cannot be reached or did not answer in time.")
    if status == 429:
        return RateLimited("PagerDuty answered 429: too many events for this integration key.")
    if status >= 500:
        return Retryable(f"PagerDuty answered {status}.")
    if status in (400, 401, 403):
        reason = f"PagerDuty answered {status}: it refuses the integration key or the event"
        return Misconfigured("routing_key", reason)
    return Permanent(f"PagerDuty answered {status}.")
