"""How an event reads to a person."""

from collections.abc import Mapping
from datetime import UTC
from types import MappingProxyType
from typing import Any

from certrail.domain.events import EVENTS, Event
from certrail.persistence.tables import Application, EventRow
from certrail_sdk import Fact, Notification, Stage

KNOWN: Mapping[str, type[Event]] = MappingProxyType(
    {event_type: event for event_type, event in EVENTS.items() if event.alertable}
)
"""The events that alerts may name, by type."""

OUTSIDE = "the older project"
"""Where everything else is that belongs to no Application."""

LABELS = {
    "common_name": "Common name",
    "dns_names": "DNS names",
    "serial": "Serial",
    "fingerprint": "SHA-256 fingerprint",
    "remaining": "Ends in",
    "not_after": "Valid until",
    "profile": "Profile",
    "step": "Step",
    "sync": "Sync",
    "destination": "Destination",
    "object_name": "Object",
    "reference": "Reference",
    "message": "What happened",
    "action": "What to do",
    "reason": "Reason",
    "comment": "Comment",
    "expires_at": "Decide before",
}


def compose(
    event: Event,
    row: EventRow,
    application: Application | None,
    notification_id: str,
    public_url: str | None,
) -> Notification:
    """One event, recorded in a row, as a message."""
    outside = "what all Applications share" if event.shared else OUTSIDE
    where = application.name if application else outside
    data = row.data
    names = (data.get("common_name"), *data.get("dns_names", ()), data.get("sync"), data.get("slug"))
    title = event.title.format(name=next((name for name in names if name), where))
    incident = event.incident_key()
    path = f"/applications/{application.slug}" if application else "/"
    record = f"{path}/events" if application else "/audit/events"
    return Notification(
        id=notification_id,
        event_type=event.event_type,
        occurred_at=row.created_at.astimezone(UTC),
        severity=event.severity,
        title=title,
        summary=f"{title} in {where}, by {row.actor_name}.",
        facts=tuple(
            Fact(label=label, value=_text(data[key])) for key, label in LABELS.items() if data.get(key)
        ),
        source=path,
        application=application.slug if application else "",
        link=f"{public_url}/api/v1{record}" if public_url else None,
        data={"event_id": row.id, "subject": {"type": row.subject_type, "id": row.subject_id}, **data},
        incident=incident or "",
        stage=event.stage if incident and event.stage else Stage.OPEN,
    )


def _text(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
