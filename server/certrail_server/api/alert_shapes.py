"""What comes in about channels, alerts and incidents."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from certrail.domain.windows import Window
from certrail.services.alerting.alerts import Escalation
from certrail.services.inventory.selectors import CertificateSelector
from certrail_server.api.schemas.base import (
    Duration,
    In,
    Name,
    Patterns,
    Reference,
    References,
    Settings,
    Slug,
    Span,
)

Thresholds = Annotated[
    list[Duration], Field(max_length=20, description="before the end of a certificate, such as 30d and 36h")
]
ProductWide = Annotated[bool, Field(description="about all Applications; only outside of them")]
QuietHours = Annotated[list[Window], Field(max_length=10)]


class ChannelIn(In):
    """A channel to make."""

    slug: Slug
    name: Name
    notifier: Reference
    connection: Reference | None = None
    config: Settings = Field(default_factory=dict)
    quiet_hours: QuietHours = Field(default_factory=list)
    digest: Span | None = None
    fallback: Reference | None = None
    product_wide: ProductWide = False


class EscalationIn(In):
    """Whom to tell when nobody has seen to it for so long."""

    after: Duration
    channels: Annotated[list[Reference], Field(min_length=1, max_length=10)]


Steps = Annotated[list[EscalationIn], Field(max_length=5)]


class AlertFilterIn(In):
    """Which certificates an alert is about; empty means all."""

    profiles: References = Field(default_factory=list)
    names: Patterns = Field(default_factory=list)
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)

    def given(self) -> CertificateSelector:
        """As the service takes it."""
        return CertificateSelector(profiles=self.profiles, names=self.names, metadata=self.metadata)


class AlertIn(In):
    """An alert to make."""

    slug: Slug
    name: Name
    events: Annotated[list[str], Field(min_length=1, max_length=50)]
    channels: Annotated[list[Reference], Field(min_length=1, max_length=10)]
    filters: AlertFilterIn = Field(default_factory=AlertFilterIn)
    thresholds: Thresholds = Field(default_factory=list)
    daily_reminder: bool = False
    escalation: Steps = Field(default_factory=list)
    product_wide: ProductWide = False

    def given(self) -> dict[str, Any]:
        """As the service takes it."""
        return {**dict(self), "filters": self.filters.given(), "escalation": _steps(self.escalation)}


class ChannelChangeIn(In):
    """What to change of a channel; what is left out stays, a masked value in the configuration too."""

    name: Name | None = None
    connection: Reference | None = None
    config: Settings | None = None
    quiet_hours: QuietHours | None = None
    digest: Span | None = None
    fallback: Annotated[str, StringConstraints(max_length=320)] | None = None


class AcknowledgeIn(In):
    """Somebody sees to it."""

    comment: Annotated[str, StringConstraints(max_length=500)] = ""


class AlertChangeIn(In):
    """What to change of an alert; what is left out stays."""

    name: Name | None = None
    events: Annotated[list[str], Field(min_length=1, max_length=50)] | None = None
    channels: Annotated[list[Reference], Field(min_length=1, max_length=10)] | None = None
    filters: AlertFilterIn | None = None
    enabled: bool | None = None
    thresholds: Thresholds | None = None
    daily_reminder: bool | None = None
    escalation: Steps | None = None

    def given(self) -> dict[str, Any]:
        """As the service takes it."""
        return {
            **dict(self),
            "filters": self.filters.given() if self.filters else None,
            "escalation": None if self.escalation is None else _steps(self.escalation),
        }


def _steps(given: list[EscalationIn]) -> list[Escalation]:
    return [Escalation(step.after, step.channels) for step in given]
