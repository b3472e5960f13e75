"""How an event reads to a person."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from certrail.persistence.tables import Application, EventRow
from certrail_sdk import Fact, Notification, Severity, Stage

KNOWN: Mapping[str, tuple[Severity, str]] = {
    "request.created": (Severity.INFO, "Certificate requested: {name}"),
    "request.refused": (Severity.WARNING, "Certificate request refused: {name}"),
    "request.failed": (Severity.CRITICAL, "Issuance failed: {name}"),
    "approval.opened": (Severity.INFO, "Approval wanted: {name}"),
    "approval.reminder": (Severity.WARNING, "Approval still waiting: {name}"),
    "approval.approved": (Severity.INFO, "Approved: {name}"),
    "approval.rejected": (Severity.WARNING, "Rejected: {name}"),
    "approval.expired": (Severity.WARNING, "Approval expired: {name}"),
    "approval.cancelled": (Severity.INFO, "Approval cancelled: {name}"),
    "approval.quorum_lost": (Severity.CRITICAL, "Approval out of reach: {name}"),
    "approval.quorum_restored": (Severity.INFO, "Approval within reach again: {name}"),
    "certificate.issued": (Severity.INFO, "Certificate issued: {name}"),
    "certificate.renewed": (Severity.INFO, "Certificate renewed: {name}"),
    "certificate.renewal_failed": (Severity.CRITICAL, "Certificate not renewed: {name}"),
    "certificate.expiring": (Severity.WARNING, "Certificate ends soon: {name}"),
    "certificate.revoked": (Severity.WARNING, "Certificate revoked: {name}"),
    "certificate.held": (Severity.WARNING, "Certificate on hold: {name}"),
    "certificate.released": (Severity.INFO, "Certificate released: {name}"),
    "certificate.imported": (Severity.INFO, "Certificate imported: {name}"),
    "certificate.import_refused": (Severity.WARNING, "Certificate import refused: {name}"),
    "delivery.delivered": (Severity.INFO, "Delivered to {name}"),
    "delivery.recovered": (Severity.INFO, "Delivered again to {name}"),
    "delivery.failed": (Severity.CRITICAL, "Delivery failed: {name}"),
    "delivery.cancelled": (Severity.INFO, "Not to be delivered any more: {name}"),
    "delivery.drift_detected": (Severity.CRITICAL, "Destination holds another certificate: {name}"),
    "delivery.removed": (Severity.INFO, "Removed from the destination: {name}"),
    "delivery.removal_failed": (Severity.CRITICAL, "Not removed from the destination: {name}"),
    "ca.expiring": (Severity.CRITICAL, "Certificate authority ends soon: {name}"),
    "ca.certificate_installed": (Severity.INFO, "Certificate authority has a new certificate: {name}"),
    "connection.expiring": (Severity.CRITICAL, "Credentials end soon: {name}"),
    "connection.expiry_extended": (Severity.INFO, "Credentials are good for longer: {name}"),
    "crl_mirror.failed": (Severity.CRITICAL, "Revocation list not published: {name}"),
    "crl_mirror.published": (Severity.INFO, "Revocation list published: {name}"),
    "plugin.unhealthy": (Severity.CRITICAL, "A plugin cannot be used: {name}"),
    "plugin.recovered": (Severity.INFO, "A plugin can be used again: {name}"),
    "sweep.failed": (Severity.CRITICAL, "Work by the clock fails: {name}"),
    "sweep.recovered": (Severity.INFO, "Work by the clock goes on: {name}"),
    "channel.failed": (Severity.CRITICAL, "A channel cannot be reached: {name}"),
    "channel.recovered": (Severity.INFO, "A channel works again: {name}"),
    "incident.acknowledged": (Severity.INFO, "Somebody sees to it: {name}"),
}
"""Event types that alerts may name, with their severity and title."""

INCIDENT_STAGES: Mapping[str, Stage] = {
    "certificate.expiring": Stage.OPEN,
    "certificate.renewal_failed": Stage.OPEN,
    "certificate.renewed": Stage.CLOSED,
    "certificate.revoked": Stage.CLOSED,
    "delivery.failed": Stage.OPEN,
    "delivery.drift_detected": Stage.OPEN,
    "delivery.delivered": Stage.CLOSED,
    "delivery.recovered": Stage.CLOSED,
    "delivery.cancelled": Stage.CLOSED,
    "delivery.removal_failed": Stage.OPEN,
    "delivery.removed": Stage.CLOSED,
    "approval.quorum_lost": Stage.OPEN,
    "approval.quorum_restored": Stage.CLOSED,
    "ca.expiring": Stage.OPEN,
    "ca.certificate_installed": Stage.CLOSED,
    "connection.expiring": Stage.OPEN,
    "connection.expiry_extended": Stage.CLOSED,
    "crl_mirror.failed": Stage.OPEN,
    "crl_mirror.published": Stage.CLOSED,
    "plugin.unhealthy": Stage.OPEN,
    "plugin.recovered": Stage.CLOSED,
    "sweep.failed": Stage.OPEN,
    "sweep.recovered": Stage.CLOSED,
    "channel.failed": Stage.OPEN,
    "channel.recovered": Stage.CLOSED,
    "incident.acknowledged": Stage.ACKNOWLEDGED,
}
"""What begins and ends a trouble; see `incident_key`."""

SHARED = frozenset({"ca", "connection", "crl_mirror", "plugin", "sweep"})
"""Types of what belongs to no Application because all may use it."""
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


def incident_key(event: EventRow) -> tuple[str, Stage] | None:
    """The name of the trouble that an event is about, and where it stands with it.

    A certificate and all its renewals are one, for it is a renewal that ends the trouble; what is to leave a
    destination is another trouble than what is to come there.
    """
    stage = INCIDENT_STAGES.get(event.type)
    # That a certificate is revoked which has a successor ends nothing that the successor is troubled by.
    if stage is None or event.data.get("superseded"):
        return None
    if stage is Stage.ACKNOWLEDGED:
        return str(event.data["key"]), stage
    if "retirement_id" in event.data:
        return f"removal-{event.data['retirement_id']}", stage
    subject = event.data["lineage_id"] if event.subject_type == "certificate" else event.subject_id
    return f"{event.subject_type}-{subject}", stage


def compose(
    event: EventRow, application: Application | None, notification_id: str, public_url: str | None
) -> Notification:
    """One event as a message."""
    outside = "what all Applications share" if event.subject_type in SHARED else OUTSIDE
    where = application.name if application else outside
    severity, title = KNOWN.get(event.type, (Severity.INFO, event.type))
    names = (event.data.get("common_name"), *event.data.get("dns_names", ()), event.data.get("sync"))
    name = next((name for name in (*names, event.data.get("slug")) if name), where)
    incident, stage = incident_key(event) or ("", Stage.OPEN)
    path = f"/applications/{application.slug}" if application else "/"
    record = f"{path}/events" if application else "/audit/events"
    return Notification(
        id=notification_id,
        event_type=event.type,
        occurred_at=event.created_at.astimezone(UTC),
        severity=severity,
        title=title.format(name=name),
        summary=f"{title.format(name=name)} in {where}, by {event.actor_name}.",
        facts=tuple(
            Fact(label=label, value=_text(event.data[key]))
            for key, label in LABELS.items()
            if event.data.get(key)
        ),
        source=path,
        application=application.slug if application else "",
        link=f"{public_url}/api/v1{record}" if public_url else None,
        data={
            "event_id": event.id,
            "subject": {"type": event.subject_type, "id": event.subject_id},
            **event.data,
        },
        incident=incident,
        stage=stage,
    )


def _text(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
