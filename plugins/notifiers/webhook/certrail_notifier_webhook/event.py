"""A notification as a CloudEvent 1.0 in structured JSON."""

import json
from datetime import UTC, datetime

from certrail_sdk import Notification

CONTENT_TYPE = "application/cloudevents+json"
TYPE_PREFIX = "io.certrail."
DESCRIBED = ("title", "summary", "severity", "facts", "application", "link")


def encode(notification: Notification) -> bytes:
    """The same bytes at every try, so that a receiver may compare them."""
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": notification.id,
        "source": notification.source,
        "type": TYPE_PREFIX + notification.event_type,
        "time": notification.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": _data(notification),
    }
    if notification.application:
        event["subject"] = notification.application
    return json.dumps(event, separators=(",", ":"), sort_keys=True).encode()


def ping(at: datetime) -> Notification:
    """The event that ``check`` posts; receivers ignore it."""
    return Notification(
        id=f"ping-{int(at.timestamp())}",
        event_type="ping",
        occurred_at=at,
        title="Test event",
        summary="This channel was checked. Nothing happened and nothing is to be done.",
    )


def _data(notification: Notification) -> dict[str, object]:
    values = notification.model_dump(mode="json")
    described = {name: values[name] for name in DESCRIBED}
    # The described fields win: receivers may rely on their types whatever the event carries.
    return {**values["data"], **described}
