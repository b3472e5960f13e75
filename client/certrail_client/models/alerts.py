"""What the API takes and answers: alerts.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body, Json, default
from certrail_client.models.common import Window


class AcknowledgeIn(Body):
    """Somebody sees to it."""

    comment: str = ""


class AlertChangeIn(Body):
    """What to change of an alert; what is left out stays."""

    name: str | None = None
    events: list[str] | None = None
    channels: list[str] | None = None
    filters: AlertFilterIn | None = None
    enabled: bool | None = None
    thresholds: list[str] | None = None
    daily_reminder: bool | None = None
    escalation: list[EscalationIn] | None = None


class AlertFilterIn(Body):
    """Which certificates an alert is about; empty means all."""

    profiles: list[str] | None = None
    names: list[str] | None = None
    metadata: dict[str, str] | None = None


class AlertIn(Body):
    """An alert to make."""

    slug: str
    name: str
    events: list[str]
    channels: list[str]
    filters: AlertFilterIn | None = None
    thresholds: list[str] | None = None
    """before the end of a certificate, such as 30d and 36h"""
    daily_reminder: bool = False
    escalation: list[EscalationIn] | None = None
    product_wide: bool = False
    """about all Applications; only outside of them"""


class ChannelChangeIn(Body):
    """What to change of a channel; what is left out stays, a masked value in the configuration too."""

    name: str | None = None
    connection: str | None = None
    config: Json | None = default(None, repr=False)
    quiet_hours: list[Window] | None = None
    digest: str | None = None
    fallback: str | None = None


class ChannelIn(Body):
    """A channel to make."""

    slug: str
    name: str
    notifier: str
    connection: str | None = None
    config: Json | None = default(None, repr=False)
    quiet_hours: list[Window] | None = None
    digest: str | None = None
    fallback: str | None = None
    product_wide: bool = False
    """about all Applications; only outside of them"""


class EscalationIn(Body):
    """Whom to tell when nobody has seen to it for so long."""

    after: str
    channels: list[str]
