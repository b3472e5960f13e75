"""Events of certificates and saved searches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from certrail.domain.events.base import Event, Facts
from certrail_sdk import Severity, Stage


class CertificateEvent(Event, subject="certificate"):
    """About one certificate."""


@dataclass(frozen=True, kw_only=True)
class LineageEvent(CertificateEvent):
    """About one certificate of a lineage: the certificate and all its renewals share one incident.

    It is the renewal that closes what its predecessor opened.
    """

    lineage_id: str
    common_name: str | None

    def incident_key(self) -> str | None:
        """By lineage."""
        return f"certificate-{self.lineage_id}" if self.stage else None


@dataclass(frozen=True, kw_only=True)
class CertificateExported(
    CertificateEvent, type="certificate.exported", title="Certificate exported: {name}"
):
    """A certificate was downloaded as a file, with its private key or without."""

    common_name: str | None
    format: str
    with_key: bool


@dataclass(frozen=True, kw_only=True)
class CertificateKeyShown(CertificateEvent, type="certificate.key_shown", title="Private key shown: {name}"):
    """A private key was shown to its requester."""


@dataclass(frozen=True, kw_only=True)
class CertificateRenewalFailed(
    LineageEvent,
    type="certificate.renewal_failed",
    title="Certificate not renewed: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A renewal failed; `next_try_at` is ``None`` when it is not tried again by itself."""

    not_after: datetime
    reason: str
    next_try_at: datetime | None
    kind: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class CertificateExpiring(
    LineageEvent,
    type="certificate.expiring",
    title="Certificate ends soon: {name}",
    severity=Severity.WARNING,
    stage=Stage.OPEN,
    alertable=True,
):
    """A certificate has passed a threshold of one alert, and is sent for this alert only."""

    alert_id: str
    alert: str
    threshold_seconds: int
    dns_names: Sequence[str]
    serial: str
    not_after: datetime
    remaining: str
    profile: str | None


@dataclass(frozen=True, kw_only=True)
class ViewCreated(Event, type="view.created", title="View created: {name}", subject="view"):
    """A search was saved."""

    slug: str
    filter: Facts


@dataclass(frozen=True, kw_only=True)
class ViewUpdated(Event, type="view.updated", title="View changed: {name}", subject="view"):
    """A saved search was changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class ViewDeleted(Event, type="view.deleted", title="View deleted: {name}", subject="view"):
    """A saved search was deleted."""

    slug: str
