"""Answers about alerts, channels, incidents and notifications."""

from collections.abc import Sequence
from datetime import timedelta

from certrail.persistence.tables import (
    Alert,
    CertificateProfile,
    Channel,
    Connection,
    Incident,
    NotificationRow,
)
from certrail.services.facade import Services
from certrail_server.api.schemas.alerts import AlertOut, AlertSelectorOut, EscalationStepOut, IncidentOut
from certrail_server.api.schemas.base import spans
from certrail_server.api.schemas.channels import ChannelOut, NotificationOut


def channel_answers(services: Services, rows: Sequence[Channel]) -> list[ChannelOut]:
    """One for each row."""
    names = services.names.of(
        {Connection: (row.connection_id for row in rows), Channel: (row.fallback_id for row in rows)}
    )
    return [
        ChannelOut.about(
            row,
            connection=names[Connection].get(row.connection_id or ""),
            fallback=names[Channel].get(row.fallback_id or ""),
            config=services.channels.shown(row),
        )
        for row in rows
    ]


def channel_answer(services: Services, row: Channel) -> ChannelOut:
    """For one row."""
    (answer,) = channel_answers(services, [row])
    return answer


def alert_answers(services: Services, rows: Sequence[tuple[Alert, Sequence[str]]]) -> list[AlertOut]:
    """One for each alert with the ids of its channels."""
    escalated = (c for alert, _ in rows for step in alert.escalation for c in step["channels"])
    selected = (profile for alert, _ in rows for profile in alert.filters.get("profiles", ()))
    names = services.names.of(
        {Channel: [*(c for _, named in rows for c in named), *escalated], CertificateProfile: selected}
    )
    channels, profiles = names[Channel], names[CertificateProfile]
    return [
        AlertOut.of(
            alert,
            channels=sorted(channels[ident] for ident in named),
            selector=AlertSelectorOut.about(alert.filters, profiles),
            thresholds=spans(alert.thresholds),
            escalation=[
                EscalationStepOut(
                    after=timedelta(seconds=step["after_seconds"]),
                    channels=[channels.get(ident, ident) for ident in step["channels"]],
                )
                for step in alert.escalation
            ],
        )
        for alert, named in rows
    ]


def alert_answer(services: Services, row: tuple[Alert, Sequence[str]]) -> AlertOut:
    """For one alert."""
    (answer,) = alert_answers(services, [row])
    return answer


def incident_answers(services: Services, rows: Sequence[Incident]) -> list[IncidentOut]:
    """One for each row."""
    alerts = services.names.of({Alert: (row.alert_id for row in rows)})[Alert]
    return [IncidentOut.about(row, alerts) for row in rows]


def incident_answer(services: Services, row: Incident) -> IncidentOut:
    """For one row."""
    (answer,) = incident_answers(services, [row])
    return answer


def notification_answers(services: Services, rows: Sequence[NotificationRow]) -> list[NotificationOut]:
    """One for each row."""
    channels = services.names.of({Channel: (row.channel_id for row in rows)})[Channel]
    return [NotificationOut.about(row, channels) for row in rows]


def notification_answer(services: Services, row: NotificationRow) -> NotificationOut:
    """For one row."""
    (answer,) = notification_answers(services, [row])
    return answer
