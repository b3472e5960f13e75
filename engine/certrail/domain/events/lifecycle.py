"""Events of renewal settings and revocation."""

from dataclasses import dataclass

from certrail.domain.events.base import Facts
from certrail.domain.events.inventory import CertificateEvent, LineageEvent
from certrail_sdk import Severity, Stage


@dataclass(frozen=True, kw_only=True)
class CertificateRenewalDecided(
    CertificateEvent, type="certificate.renewal_decided", title="Automatic renewal set: {name}"
):
    """Automatic renewal was switched for one certificate, or left to its profile's rule: ``None``."""

    before: bool | None
    after: bool | None
    override_before: Facts | None
    override: Facts | None


@dataclass(frozen=True, kw_only=True)
class RevocationEvent(LineageEvent):
    """Base of the events of a revocation status; `reason` as in RFC 5280 section 5.3.1.

    Attributes:
        superseded: the certificate has a successor, so nothing that is wrong with the lineage ends here.
    """

    serial: str
    superseded: bool
    reason: str | None

    def incident_key(self) -> str | None:
        """By lineage, for its present certificate only."""
        return None if self.superseded else super().incident_key()


@dataclass(frozen=True, kw_only=True)
class CertificateRevoked(
    RevocationEvent,
    type="certificate.revoked",
    title="Certificate revoked: {name}",
    severity=Severity.WARNING,
    stage=Stage.CLOSED,
    alertable=True,
):
    """A certificate was revoked for good."""


@dataclass(frozen=True, kw_only=True)
class CertificateHeld(
    RevocationEvent,
    type="certificate.held",
    title="Certificate on hold: {name}",
    severity=Severity.WARNING,
    alertable=True,
):
    """A certificate was put on hold."""


@dataclass(frozen=True, kw_only=True)
class CertificateReleased(
    RevocationEvent, type="certificate.released", title="Certificate released: {name}", alertable=True
):
    """A certificate on hold is valid again."""
