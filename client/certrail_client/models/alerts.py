"""What the API takes and answers: alerts.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from certrail_client.base import Body, Json


class AcknowledgeIn(Body):
    """Somebody works on an incident."""

    comment: str = ""
    """What they say to it."""


class AlertChangeIn(Body):
    """What to change of an alert."""

    name: str | None = None
    """Name for people."""
    events: list[str] | None = None
    """Replaces the types of events."""
    channels: list[str] | None = None
    """Replaces the channels."""
    selector: AlertSelectorIn | None = None
    """Replaces the selector as a whole."""
    enabled: bool | None = None
    """False switches it off."""
    thresholds: list[str] | None = None
    """Replaces the thresholds."""
    daily_reminder: bool | None = None
    """Whether it is repeated every day."""
    escalation: list[EscalationStepIn] | None = None
    """Replaces the escalation."""


class AlertIn(Body):
    """An alert to create."""

    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    events: list[str]
    """Types of events, such as certificate.expiring."""
    channels: list[str]
    """Slugs or ids of the channels that are notified."""
    selector: AlertSelectorIn | None = None
    """Which certificates it is about."""
    thresholds: list[str] | None = None
    """How long before an expiry certificate.expiring is sent."""
    daily_reminder: bool = False
    """Whether it is repeated every day from the longest threshold on."""
    escalation: list[EscalationStepIn] | None = None
    """Who else is notified until somebody acknowledges."""
    product_wide: bool = False
    """About all Applications; only in the legacy scope."""


class AlertList(Body):
    """Alerts, by slug."""

    items: list[AlertOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class AlertOut(Body):
    """Who is notified of what."""

    id: str
    """Id of the alert."""
    created_at: datetime
    """When it was created."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    slug: str
    """Unique name in the Application."""
    name: str
    """Name for people."""
    events: list[str]
    """Types of events."""
    channels: list[str]
    """Slugs of the channels that are notified."""
    selector: AlertSelectorOut
    """Which certificates it is about."""
    enabled: bool
    """Whether it is on."""
    thresholds: list[str]
    """How long before an expiry; the longest first."""
    daily_reminder: bool
    """Whether it is repeated every day."""
    escalation: list[EscalationStepOut]
    """Who else is notified, the shortest wait first."""
    product_wide: bool
    """Whether it is about all Applications."""


class AlertSelectorIn(Body):
    """Which certificates an alert is about; empty selects all."""

    profiles: list[str] | None = None
    """Slugs or ids of profiles: of any of them."""
    names: list[str] | None = None
    """Patterns such as *.example.com: one must fit one of the certificate's names."""
    metadata: dict[str, str] | None = None
    """Metadata that the certificate must have."""


class AlertSelectorOut(Body):
    """Which certificates an alert is about; empty selects all."""

    profiles: list[str]
    """Slugs of profiles: of any of them."""
    names: list[str]
    """Patterns: one must fit one of the certificate's names."""
    metadata: dict[str, str]
    """Metadata that the certificate must have."""


class EscalationStepIn(Body):
    """Whom to notify when nobody has acknowledged for so long."""

    after: str
    """Counted from the first notification."""
    channels: list[str]
    """Slugs or ids of channels."""


class EscalationStepOut(Body):
    """Whom to notify when nobody has acknowledged for so long."""

    after: str
    """Counted from the first notification."""
    channels: list[str]
    """Slugs of channels."""


class IncidentList(Body):
    """Incidents, newest first."""

    items: list[IncidentOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class IncidentOut(Body):
    """A failure from its first event to its resolution."""

    id: str
    """Id of the incident."""
    created_at: datetime
    """When it began."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    alert_id: str
    """Id of the alert that escalates it."""
    alert: str | None
    """Slug of the alert that escalates it."""
    key: str
    """What it is about: one incident per certificate lineage or delivery."""
    title: str
    """What happened, in one line."""
    content: Json
    """What its notification says."""
    level: int
    """How many steps of the escalation were taken."""
    next_at: datetime | None
    """When the next step is taken."""
    acknowledged_at: datetime | None
    """When somebody acknowledged."""
    acknowledged_by: str | None
    """Id of the principal that acknowledged."""
    comment: str
    """What they said to it."""
    closed_at: datetime | None
    """When it was resolved."""
