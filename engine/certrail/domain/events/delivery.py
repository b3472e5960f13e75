"""Events of syncs and deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from certrail.domain.events.base import Event, Facts
from certrail_sdk import Severity, Stage


class SyncEvent(Event, subject="sync"):
    """About one sync."""


@dataclass(frozen=True, kw_only=True)
class SyncCreated(SyncEvent, type="sync.created", title="Sync created: {name}"):
    """A sync was created."""

    slug: str
    destination: str


@dataclass(frozen=True, kw_only=True)
class SyncUpdated(SyncEvent, type="sync.updated", title="Sync changed: {name}"):
    """A sync was changed; of sealed values the names only."""

    before: Facts
    after: Facts
    secret_fields: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class SyncDeleted(SyncEvent, type="sync.deleted", title="Sync deleted: {name}"):
    """A sync was deleted; `left_behind` names the objects that stay at the destination."""

    slug: str
    left_behind: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class SyncTriggered(SyncEvent, type="sync.triggered", title="Sync triggered: {name}"):
    """Everything that a sync selects is delivered again, by hand."""

    slug: str
    certificates: int


@dataclass(frozen=True, kw_only=True)
class SyncCleanup(SyncEvent, type="sync.cleanup", title="Sync cleaned up: {name}"):
    """Everything that a sync is to remove is removed now, by hand."""

    slug: str


class DeliveryFacts(TypedDict):
    """The fields that every `DeliveryEvent` has."""

    subject_id: str
    application_id: str | None
    sync: str
    destination: str
    object_name: str
    lineage_id: str


@dataclass(frozen=True, kw_only=True)
class DeliveryEvent(Event, subject="delivery"):
    """About one lineage at one sync."""

    sync: str
    destination: str
    object_name: str
    lineage_id: str


@dataclass(frozen=True, kw_only=True)
class DeliveryReassigned(
    DeliveryEvent, type="delivery.reassigned", title="Taken over by another lineage: {name}"
):
    """A lineage with the same names takes over the object of another one, the `former_lineage_id`."""

    former_lineage_id: str


@dataclass(frozen=True, kw_only=True)
class Delivered(DeliveryEvent):
    """Base of the events of a granted delivery; `duration_ms` is in milliseconds since it was desired."""

    certificate_id: str
    reference: str
    version: str | None
    changed: bool
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class DeliveryDelivered(
    Delivered, type="delivery.delivered", title="Delivered to {name}", stage=Stage.CLOSED, alertable=True
):
    """The destination holds the certificate."""


@dataclass(frozen=True, kw_only=True)
class DeliveryRecovered(
    Delivered,
    type="delivery.recovered",
    title="Delivered again to {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """The destination holds the certificate, after failed tries."""


@dataclass(frozen=True, kw_only=True)
class DeliveryFailed(
    DeliveryEvent,
    type="delivery.failed",
    title="Delivery failed: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A certificate could not be delivered: the first failed try, and the final one."""

    kind: str
    message: str
    action: str
    permanent: bool


@dataclass(frozen=True, kw_only=True)
class DeliveryRevoked(
    DeliveryEvent,
    type="delivery.revoked",
    title="Revoked certificate stays at {name}",
    severity=Severity.CRITICAL,
    alertable=True,
):
    """A certificate was revoked that its destination holds, and the sync removes nothing: a person has to."""

    certificate_id: str


@dataclass(frozen=True, kw_only=True)
class DeliveryCancelled(
    DeliveryEvent,
    type="delivery.cancelled",
    title="Not to be delivered any more: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """The sync does not select the lineage any more."""


@dataclass(frozen=True, kw_only=True)
class DeliveryDriftDetected(
    DeliveryEvent,
    type="delivery.drift_detected",
    title="Destination holds another certificate: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """What the destination holds is not what was delivered; `found` is its SHA-256 fingerprint."""

    found: str | None


@dataclass(frozen=True, kw_only=True)
class DeliveryVerified(DeliveryEvent, type="delivery.verified", title="Delivery verified: {name}"):
    """The destination was read back and holds what was delivered."""

    certificate_id: str


@dataclass(frozen=True, kw_only=True)
class DeliveryUnverified(DeliveryEvent, type="delivery.unverified", title="Delivery not verified: {name}"):
    """The destination could not be read back."""

    message: str
    action: str


@dataclass(frozen=True, kw_only=True)
class DeliveryRetried(DeliveryEvent, type="delivery.retried", title="Delivery tried again: {name}"):
    """A failed delivery is tried again, by hand."""


class RemovalFacts(DeliveryFacts):
    """The fields that every `RemovalEvent` has."""

    retirement_id: str
    certificate_id: str
    reference: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RemovalEvent(DeliveryEvent):
    """Base of the events of an object's removal; `reason` says why it is removed."""

    retirement_id: str
    certificate_id: str
    reference: str
    reason: str

    def incident_key(self) -> str | None:
        """One of its own: what is removed from a destination is another incident than what is delivered there."""
        return f"removal-{self.retirement_id}" if self.stage else None


@dataclass(frozen=True, kw_only=True)
class DeliveryRemoved(
    RemovalEvent,
    type="delivery.removed",
    title="Removed from the destination: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """The object is not at the destination any more."""

    changed: bool


@dataclass(frozen=True, kw_only=True)
class DeliveryRemovalFailed(
    RemovalEvent,
    type="delivery.removal_failed",
    title="Not removed from the destination: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """An object could not be removed: the first failed try, and the final one."""

    kind: str
    message: str
    action: str
    permanent: bool


class ProbeFacts(TypedDict):
    """The fields that every `ProbeEvent` has."""

    subject_id: str
    application_id: str | None
    common_name: str
    sync: str | None
    endpoint: str
    lineage_id: str
    certificate_id: str


@dataclass(frozen=True, kw_only=True)
class ProbeEvent(Event, subject="probe"):
    """About one endpoint at which a certificate is to be served; `sync` is empty where an agent reports it."""

    common_name: str
    sync: str | None
    endpoint: str
    lineage_id: str
    certificate_id: str


@dataclass(frozen=True, kw_only=True)
class ProbeNotServed(
    ProbeEvent,
    type="probe.not_served",
    title="Not served: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A service does not present the certificate that belongs there; `found` is what it presents, SHA-256."""

    verdict: str
    message: str
    action: str
    found: str | None


@dataclass(frozen=True, kw_only=True)
class ProbeServed(
    ProbeEvent, type="probe.served", title="Served: {name}", stage=Stage.CLOSED, alertable=True
):
    """A service presents a certificate for the first time, or again."""


@dataclass(frozen=True, kw_only=True)
class ProbeEnded(
    ProbeEvent, type="probe.ended", title="Not probed any more: {name}", stage=Stage.CLOSED, alertable=True
):
    """A probe ended after it had been reported that the certificate is not served."""
