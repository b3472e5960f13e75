"""What the API takes and answers: deliveries.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from certrail_client.base import Body, OpenEnum
from certrail_client.models.common import FailureOut


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
