"""Events of renewal settings, revocation, and revocation requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from certrail.domain.events.base import Event, Facts
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


@dataclass(frozen=True, kw_only=True)
class RevocationRequestEvent(Event, subject="revocation_request"):
    """Base of the events of a revocation request."""

    certificate_id: str
    lineage_id: str
    common_name: str | None


@dataclass(frozen=True, kw_only=True)
class RevocationRequested(
    RevocationRequestEvent,
    type="revocation_request.created",
    title="Revocation requested: {name}",
    alertable=True,
):
    """A revocation that a policy guards was requested; `revocation_reason` as in RFC 5280 section 5.3.1."""

    status: str
    revocation_reason: str


@dataclass(frozen=True, kw_only=True)
class RevocationTransition(RevocationRequestEvent):
    """Base of the events of a revocation request's status; `before` is the former one."""

    before: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class RevocationPendingApproval(
    RevocationTransition,
    type="revocation_request.pending_approval",
    title="Revocation waits for approval: {name}",
):
    """The revocation waits for approval again."""


@dataclass(frozen=True, kw_only=True)
class RevocationApproved(
    RevocationTransition, type="revocation_request.approved", title="Revocation approved: {name}"
):
    """The certificate may be revoked."""


@dataclass(frozen=True, kw_only=True)
class RevocationRejected(
    RevocationTransition, type="revocation_request.rejected", title="Revocation rejected: {name}"
):
    """An approver rejected the revocation."""


@dataclass(frozen=True, kw_only=True)
class RevocationExpired(
    RevocationTransition, type="revocation_request.expired", title="Revocation request expired: {name}"
):
    """Nobody decided in time."""


@dataclass(frozen=True, kw_only=True)
class RevocationCancelled(
    RevocationTransition, type="revocation_request.cancelled", title="Revocation cancelled: {name}"
):
    """The request was cancelled, or the certificate was revoked meanwhile."""


@dataclass(frozen=True, kw_only=True)
class RevocationCompleted(
    RevocationTransition, type="revocation_request.revoked", title="Requested revocation completed: {name}"
):
    """The request's certificate was revoked, or put on hold."""


@dataclass(frozen=True, kw_only=True)
class RevocationFailed(
    RevocationTransition,
    type="revocation_request.failed",
    title="Revocation failed: {name}",
    severity=Severity.CRITICAL,
    alertable=True,
):
    """The certificate cannot be revoked."""


REVOCATION_TRANSITIONS: Mapping[str, type[RevocationTransition]] = MappingProxyType(
    {cls.event_type.removeprefix("revocation_request."): cls for cls in RevocationTransition.__subclasses__()}
)
"""The event of each status that a revocation request can get."""
