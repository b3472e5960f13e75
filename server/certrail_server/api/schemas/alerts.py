"""Alerts and incidents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from certrail.persistence.tables import Incident
from certrail.services.alerting.alerts import Escalation
from certrail.services.inventory.selectors import CertificateSelector
from certrail_server.api.schemas.base import (
    Duration,
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Patterns,
    Reference,
    References,
    Slug,
    absent,
    examples,
)

EventTypes = Annotated[list[str], Field(min_length=1, max_length=50)]
Channels = Annotated[list[Reference], Field(min_length=1, max_length=10)]
Thresholds = Annotated[list[Duration], Field(max_length=20)]


class EscalationStepIn(In):
    """Whom to notify when nobody has acknowledged for so long."""

    after: Duration = Field(description="Counted from the first notification.")
    channels: Channels = Field(description="Slugs or ids of channels.")


EscalationSteps = Annotated[list[EscalationStepIn], Field(max_length=5)]


class AlertSelectorIn(In):
    """Which certificates an alert is about; empty selects all."""

    profiles: References = Field(
        default_factory=list, description="Slugs or ids of profiles: of any of them."
    )
    names: Patterns = Field(
        default_factory=list,
        description="Patterns such as *.example.com: one must fit one of the certificate's names.",
    )
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(
        default_factory=dict, description="Metadata that the certificate must have."
    )

    def given(self) -> CertificateSelector:
        """As the service takes it."""
        return CertificateSelector(profiles=self.profiles, names=self.names, metadata=self.metadata)


class AlertIn(In):
    """An alert to create."""

    model_config = examples(
        {
            "slug": "expiring",
            "name": "Certificates that expire",
            "events": ["certificate.expiring", "certificate.renewal_failed"],
            "channels": ["events"],
            "selector": {
                "profiles": ["web"],
                "names": ["*.example.com"],
                "metadata": {"environment": "production"},
            },
            "thresholds": ["30d", "7d"],
            "daily_reminder": True,
            "escalation": [{"after": "4h", "channels": ["approvals"]}],
        },
        {
            "slug": "credentials",
            "name": "Credentials that expire",
            "events": ["connection.expiring"],
            "channels": ["operations"],
            "product_wide": True,
        },
    )

    slug: Slug = Field(description="Unique name in the Application.")
    name: Name = Field(description="Name for people.")
    events: EventTypes = Field(description="Types of events, such as certificate.expiring.")
    channels: Channels = Field(description="Slugs or ids of the channels that are notified.")
    selector: AlertSelectorIn = Field(
        default_factory=AlertSelectorIn, description="Which certificates it is about."
    )
    thresholds: Thresholds = Field(
        default_factory=list, description="How long before an expiry certificate.expiring is sent."
    )
    daily_reminder: bool = Field(
        default=False, description="Whether it is repeated every day from the longest threshold on."
    )
    escalation: EscalationSteps = Field(
        default_factory=list, description="Who else is notified until somebody acknowledges."
    )
    product_wide: bool = Field(default=False, description="About all Applications; only in the legacy scope.")

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = {name: value for name, value in self if name != "selector"}
        return {**given, "filters": self.selector.given(), "escalation": _steps(self.escalation)}


class AlertChangeIn(Patch):
    """What to change of an alert."""

    model_config = examples(
        {
            "name": "Certificates that expire soon",
            "events": ["certificate.expiring"],
            "channels": ["events"],
            "selector": {"names": ["*.example.com"]},
            "enabled": True,
            "thresholds": ["14d", "3d"],
            "daily_reminder": False,
            "escalation": [],
        }
    )

    name: Name = absent(description="Name for people.")
    events: EventTypes = absent(description="Replaces the types of events.")
    channels: Channels = absent(description="Replaces the channels.")
    selector: AlertSelectorIn = absent(description="Replaces the selector as a whole.")
    enabled: bool = absent(description="False switches it off.")
    thresholds: Thresholds = absent(description="Replaces the thresholds.")
    daily_reminder: bool = absent(description="Whether it is repeated every day.")
    escalation: EscalationSteps = absent(description="Replaces the escalation.")

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.changes()
        if "selector" in given:
            given["filters"] = given.pop("selector").given()
        if "escalation" in given:
            given["escalation"] = _steps(self.escalation)
        return given


def _steps(given: list[EscalationStepIn]) -> list[Escalation]:
    return [Escalation(step.after, step.channels) for step in given]


class EscalationStepOut(Out):
    """Whom to notify when nobody has acknowledged for so long."""

    after: Duration = Field(description="Counted from the first notification.")
    channels: list[str] = Field(description="Slugs of channels.")


class AlertSelectorOut(Out):
    """Which certificates an alert is about; empty selects all."""

    profiles: list[str] = Field(description="Slugs of profiles: of any of them.")
    names: list[str] = Field(description="Patterns: one must fit one of the certificate's names.")
    metadata: dict[str, str] = Field(description="Metadata that the certificate must have.")

    @classmethod
    def about(cls, stored: Mapping[str, Any], slugs: Mapping[str, str]) -> Self:
        """From what is stored, profiles by their slugs."""
        return cls(
            profiles=[slugs.get(ident, ident) for ident in stored.get("profiles", ())],
            names=list(stored.get("names", ())),
            metadata=dict(stored.get("metadata", {})),
        )


class AlertOut(Out):
    """Who is notified of what."""

    id: Id = Field(description="Id of the alert.")
    created_at: datetime = Field(description="When it was created.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    slug: str = Field(description="Unique name in the Application.")
    name: str = Field(description="Name for people.")
    events: list[str] = Field(description="Types of events.")
    channels: list[str] = Field(description="Slugs of the channels that are notified.")
    selector: AlertSelectorOut = Field(description="Which certificates it is about.")
    enabled: bool = Field(description="Whether it is on.")
    thresholds: list[Duration] = Field(description="How long before an expiry; the longest first.")
    daily_reminder: bool = Field(description="Whether it is repeated every day.")
    escalation: list[EscalationStepOut] = Field(description="Who else is notified, the shortest wait first.")
    product_wide: bool = Field(description="Whether it is about all Applications.")


class AlertList(Listing[AlertOut]):
    """Alerts, by slug."""


class AcknowledgeIn(In):
    """Somebody works on an incident."""

    model_config = examples({"comment": "The new name server is being set up."})

    comment: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="", description="What they say to it."
    )


class IncidentOut(Out):
    """A failure from its first event to its resolution."""

    id: Id = Field(description="Id of the incident.")
    created_at: datetime = Field(description="When it began.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    alert_id: Id = Field(description="Id of the alert that escalates it.")
    alert: str | None = Field(description="Slug of the alert that escalates it.")
    key: str = Field(description="What it is about: one incident per certificate lineage or delivery.")
    title: str = Field(description="What happened, in one line.")
    content: dict[str, Any] = Field(description="What its notification says.")
    level: int = Field(description="How many steps of the escalation were taken.")
    next_at: datetime | None = Field(description="When the next step is taken.")
    acknowledged_at: datetime | None = Field(description="When somebody acknowledged.")
    acknowledged_by: Id | None = Field(description="Id of the principal that acknowledged.")
    comment: str = Field(description="What they said to it.")
    closed_at: datetime | None = Field(description="When it was resolved.")

    @classmethod
    def about(cls, row: Incident, alerts: Mapping[str, str]) -> Self:
        """From a row and the slugs of the alerts."""
        return cls.of(row, alert=alerts.get(row.alert_id), title=str(row.content.get("title", "")))


class IncidentList(Listing[IncidentOut]):
    """Incidents, newest first."""
