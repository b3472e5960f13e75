"""How an event reads to a person."""

from collections.abc import Mapping
from datetime import UTC
from itertools import chain
from types import MappingProxyType
from typing import Any

from certrail.domain.approval import AUTHORITY
from certrail.domain.events import EVENTS, Event
from certrail.domain.formats import escaped
from certrail.persistence.tables import Application, Certificate, EventRow
from certrail_sdk import Fact, Notification, Stage

KNOWN: Mapping[str, type[Event]] = MappingProxyType(
    {event_type: event for event_type, event in EVENTS.items() if event.alertable}
)
"""The events that alerts may name, by type."""

FIRST_NAMES = 3
"""Names of a certificate without a common name that a message has; the certificate has all."""
OUTSIDE = "the older project"
"""Where everything else is that belongs to no Application."""

LABELS = {
    "common_name": "Common name",
    "dns_names": "DNS names",
    "certificate": "Certificate",
    "serial": "Serial",
    "fingerprint": "SHA-256 fingerprint",
    "remaining": "Ends in",
    "not_after": "Valid until",
    "profile": "Profile",
    "step": "Step",
    "sync": "Sync",
    "destination": "Destination",
    "object_name": "Object",
    "endpoint": "Endpoint",
    "verdict": "Verdict",
    "reference": "Reference",
    "private_key": "Private key",
    "message": "What happened",
    "action": "What to do",
    "reason": "Reason",
    "comment": "Comment",
    "approval": "Approval",
    "lifetime": "Lifetime",
    "voters": "May vote",
    "missing": "Votes missing",
    "expires_at": "Decide before",
}


def compose(
    event: Event,
    row: EventRow,
    application: Application | None,
    notification_id: str,
    public_url: str | None,
    about: Certificate | None = None,
) -> Notification:
    """One event, recorded in a row, as a message.

    Args:
        about: the certificate that the event is about; every message names it, and its serial number.
    """
    outside = "what all Applications share" if event.shared else OUTSIDE
    where = application.name if application else outside
    data = row.data
    names = (data.get("common_name"), *data.get("dns_names", ()), data.get("sync"), data.get("slug"))
    name = next((name for name in names if name), where)
    # A certificate from elsewhere may have any characters in its names; mail, chat and terminals obey some of them.
    title = escaped(event.title.format(name=f"{AUTHORITY} {name}" if data.get("authority") else name))
    incident = event.incident_key()
    path = f"/applications/{application.slug}" if application else "/"
    record = f"/api/v1{path}/events" if application else "/api/v1/audit/events"
    readable = {**data}
    if row.subject_type == "approval":
        readable["approval"] = row.subject_id  # by which it is voted on
    certificate = ""
    if about is not None:
        certificate = readable["certificate"] = escaped(_certificate_name(about))
        readable.setdefault("serial", about.serial)
    if "with_key" in data:
        readable["private_key"] = "held by certrail" if data["with_key"] else "not held by certrail"
    return Notification(
        id=notification_id,
        event_type=event.event_type,
        occurred_at=row.created_at.astimezone(UTC),
        severity=event.severity,
        title=title,
        summary=escaped(
            f"{title if certificate in title else f'{title} ({certificate})'} in {where}, by {row.actor_name}."
        ),
        facts=tuple(
            Fact(label=label, value=_text(readable[key]))
            for key, label in LABELS.items()
            if readable.get(key)
        ),
        source=path,
        application=application.slug if application else "",
        link=f"{public_url}{event.page() or record}" if public_url else None,
        data={"event_id": row.id, "subject": {"type": row.subject_type, "id": row.subject_id}, **data},
        incident=incident or "",
        stage=event.stage if incident and event.stage else Stage.OPEN,
    )


def _certificate_name(certificate: Certificate) -> str:
    """The common name, else the first names, else the serial number."""
    names = list(dict.fromkeys(chain.from_iterable(certificate.names.values())))
    if certificate.common_name:
        return certificate.common_name
    more = f" and {len(names) - FIRST_NAMES} more" if len(names) > FIRST_NAMES else ""
    return f"{', '.join(names[:FIRST_NAMES])}{more}" if names else f"serial {certificate.serial}"


def _text(value: Any) -> str:
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return escaped(text, keep="\n")
