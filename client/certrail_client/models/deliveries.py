"""What the API takes and answers: deliveries.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, OpenEnum, default
from certrail_client.models.common import FailureOut
from certrail_client.models.enums import ProbeProtocol


class DeliveryList(Body):
    """Deliveries, newest first."""

    items: list[DeliveryOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class DeliveryOut(Body):
    """The state of one lineage at one sync."""

    id: str
    """Id of the delivery."""
    created_at: datetime
    """When the lineage was first selected."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    sync_id: str
    """Id of the sync."""
    sync: str
    """Slug of the sync."""
    destination: str
    """Name of the destination plugin."""
    lineage_id: str
    """Id of the lineage."""
    common_name: str
    """Common name or first other name of the desired certificate."""
    object_name: str
    """What the object is called at the destination."""
    status: DeliveryStatus
    """Where the delivery is."""
    last_transition_at: datetime | None
    """When the status changed last."""
    desired_certificate_id: str
    """Id of the certificate that belongs there."""
    delivered_certificate_id: str | None
    """Id of the certificate that was delivered last."""
    generation: int
    """Counts changes of the desired state."""
    observed_generation: int
    """The last generation that was delivered."""
    receipt: ReceiptOut | None
    """What the destination answered last."""
    intent_at: datetime | None
    """When the attempt began whose answer is outstanding: an object may be there."""
    attempts: int
    """Attempts of the present generation."""
    last_error: FailureOut | None
    """The last failed attempt, until one succeeds."""
    next_try_at: datetime | None
    """When the next attempt is due."""
    slot_at: datetime | None
    """The time that the connection's rate limit reserved for it."""
    delivered_at: datetime | None
    """When it was delivered last."""
    verified_at: datetime | None
    """When it was last read back and found right."""
    observed: ObservationOut | None
    """What was found there last."""
    served: list[ProbeOut]
    """Whether it is served, by each probe of the sync."""


class DeliveryStatus(OpenEnum):
    """Of a lineage at a sync."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"
    REMOVED = "removed"


class ObservationOut(Body):
    """What the destination held when it was read back."""

    good: bool | None
    """Whether it is what was delivered; null if it could not be read."""
    present: bool | None = None
    """Whether the object is there."""
    fingerprint: str | None = None
    """SHA-256 of the certificate that is there."""
    reference: str | None = None
    """The destination's own name for the object."""
    version: str | None = None
    """The destination's name for this content."""
    key_matches: bool | None = None
    """Whether the private key there fits; null if it cannot be read."""
    in_use_by: list[str] | None = None
    """What uses the object, if that is known."""
    error: FailureOut | None = None
    """Why it could not be read."""


class ProbeList(Body):
    """Probes, newest first."""

    items: list[ProbeOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ProbeOut(Body):
    """Whether a service presents the certificate that belongs there."""

    id: str
    """Id of the probe."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    lineage_id: str
    """Id of the lineage."""
    delivery_id: str | None
    """Id of the delivery; null where an agent reports it."""
    sync: str | None
    """Slug of the sync; null where an agent reports it."""
    reporter: str | None
    """Who reports it: the agent of a host; null where certrail looks."""
    protocol: ProbeProtocol
    """How TLS begins."""
    host: str
    """Name or address of the service, as it is reached from where it is looked at."""
    port: int
    """Port of the service."""
    server_name: str
    """Name for SNI; empty for none."""
    verdict: ProbeVerdict | None
    """What the last look found; null before the first one after a delivery."""
    reason: str
    """Why it is not served; empty if it is."""
    found: str | None
    """SHA-256 of the certificate that is presented."""
    certificate_id: str
    """Id of the certificate that belongs there."""
    checked_at: datetime | None
    """When it was looked at last."""
    changed_at: datetime | None
    """When the verdict changed last."""
    grace_until: datetime | None
    """Until when it is not reported that it is not served; null while it is."""
    reported_at: datetime | None
    """When it was reported that it is not served; null once that is resolved."""
    next_check_at: datetime | None
    """When it is looked at again; null where an agent looks."""


class ProbeVerdict(OpenEnum):
    """What a probe found."""

    SERVED = "served"
    OLDER = "older"
    OTHER = "other"
    CHAIN_BROKEN = "chain_broken"
    UNREACHABLE = "unreachable"


class ReceiptOut(Body):
    """What a destination answered to a delivery."""

    reference: str
    """The destination's own name for the object, such as an ARN or a path."""
    version: str | None
    """The destination's name for this content, if it keeps versions."""
    fingerprint: str
    """SHA-256 of the certificate that is there."""
    changed: bool
    """Whether the delivery changed anything."""
    details: dict[str, str]
    """Public facts of the plugin's."""


class RetirementList(Body):
    """Retirements, newest first."""

    items: list[RetirementOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class RetirementOut(Body):
    """An object that is to be removed from its destination, or has been."""

    id: str
    """Id of the retirement."""
    created_at: datetime
    """When it was decided."""
    application_id: str | None
    """Id of its Application; null in the legacy scope."""
    delivery_id: str
    """Id of the delivery that put the object there."""
    lineage_id: str
    """Id of the lineage."""
    certificate_id: str
    """Id of the certificate in the object."""
    sync: str
    """Slug of the sync."""
    destination: str
    """Name of the destination plugin."""
    object_name: str
    """What the object is called at the destination."""
    reference: str
    """The destination's own name for the object."""
    reason: RetirementReason
    """Why it is removed."""
    status: RetirementStatus
    """Whether it is removed, or why not."""
    planned: bool
    """Whether it still waits for its time."""
    remove_at: datetime
    """When it is removed."""
    attempts: int
    """Attempts so far."""
    last_error: FailureOut | None
    """The last failed attempt."""
    next_try_at: datetime | None
    """When the next attempt is due."""
    removed_at: datetime | None
    """When it was removed."""


class RetirementReason(OpenEnum):
    """Why an object is not desired any more."""

    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    ENDED = "ended"
    UNSELECTED = "unselected"
    CLEANUP = "cleanup"


class RetirementStatus(OpenEnum):
    """Of an object that is to be removed."""

    WAITING = "waiting"
    DUE = "due"
    FAILED = "failed"
    KEPT = "kept"
    REMOVED = "removed"


class ServedIn(Body):
    """What the agent of a host saw of the service that uses a certificate."""

    host: str
    """Name or address at which it looked."""
    port: int
    """Port at which it looked."""
    server_name: str | Literal[""] = default("")
    """Name for SNI; empty for none."""
    protocol: ProbeProtocol = default("tls")
    """How TLS began."""
    fingerprint: str | None
    """SHA-256 of the certificate that was presented, hex; null where there was no handshake."""
    reason: str = ""
    """Why there was none."""
