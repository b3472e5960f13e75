"""Inputs and results of workflows and activities: ids and states only, never content.

Flows call activities by these names, so that replayed code imports nothing that reaches I/O.
"""

from dataclasses import dataclass
from datetime import datetime

CORE_QUEUE = "certrail"
"""Task queue of the flows, and of the activities that touch only our own database."""

ADVANCE_ISSUANCE = "advance_issuance"
FAIL_ISSUANCE = "fail_issuance"
ADVANCE_ISSUANCE_BATCH = "advance_issuance_batch"
START_OWN_ISSUANCES = "start_own_issuances"
ADVANCE_REVOCATION = "advance_revocation"
FAIL_REVOCATION = "fail_revocation"
VALIDATE = "validate"
FAIL_VALIDATION = "fail_validation"
ADVANCE_RENEWAL = "advance_renewal"
HAND_BACK_RENEWAL = "hand_back_renewal"
RENEWAL_OVER = "over"
DELIVERY_STATUS = "delivery_status"
RECORD_TIMEOUT = "record_timeout"
SWEEP = "sweep"
OUTBOX = "outbox"
"""The sweep of the outbox, which is the dispatcher's work; all others are the services'."""
DELIVER = "deliver"
DELIVER_BATCH = "deliver_batch"
START_OWN_DELIVERIES = "start_own_deliveries"
REMOVE = "remove"
VERIFY = "verify"
MIRROR = "mirror"
NOTIFY = "notify"
REFRESH_APPROVAL_MESSAGE = "refresh_approval_message"

WAITING = "waiting"
DELIVERED = "delivered"
FAILED = "failed"
REMOVED = "removed"


def plugin_queue(plugin: str) -> str:
    """Task queue of one plugin, given as ``destination-files``."""
    return f"plugin-{plugin}"


def plugin_of(queue: str) -> str:
    """The plugin that a task queue belongs to."""
    return queue.removeprefix("plugin-")


@dataclass(frozen=True)
class IssuanceInput:
    """The request to take to its final status."""

    request_id: str


@dataclass(frozen=True)
class IssuanceStep:
    """The status of a request; while ``waiting``, ``wake_at`` says when to look again at the latest."""

    status: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class IssuanceFailure:
    """A request to fail, and why."""

    request_id: str
    reason: str


@dataclass(frozen=True)
class IssuanceBatchInput:
    """Requests to issue in bulk."""

    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class IssuanceBatchStep:
    """Ids of the requests that are left for the next chunk."""

    left: tuple[str, ...]


@dataclass(frozen=True)
class RevocationInput:
    """The revocation request to take to its final status.

    Attributes:
        seen: signal references received in an earlier run of the same workflow.
    """

    request_id: str
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class RevocationStep:
    """The status of a revocation request; while ``waiting``, ``wake_at`` says when to look again at the latest."""

    status: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class RevocationFailure:
    """A revocation request to fail, and why."""

    request_id: str
    reason: str


@dataclass(frozen=True)
class ValidationInput:
    """The ACME challenge to validate."""

    challenge_id: str


@dataclass(frozen=True)
class ValidationStep:
    """The status of a challenge; while ``waiting``, ``wake_at`` says when to check again."""

    status: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class ValidationFailure:
    """A challenge to fail, and why."""

    challenge_id: str
    reason: str


@dataclass(frozen=True)
class RenewalInput:
    """One round of one lineage.

    Attributes:
        seen: signal references received in an earlier run of the same workflow.
    """

    lineage_id: str
    round: int
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class RenewalStep:
    """What a round waits for, or ``over``; ``wake_at`` says when to look again at the latest."""

    wait: str
    wake_at: datetime | None = None


@dataclass(frozen=True)
class PluginTaskInput:
    """Work for a plugin.

    Attributes:
        subject_id: id of the delivery, notification, approval message, or copy of a revocation list.
        queue: task queue of the plugin.
        seen: signal references received in an earlier run of the same workflow.
    """

    subject_id: str
    queue: str
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeliveryStatus:
    """Desired and observed state of a delivery.

    Attributes:
        settled: there is nothing left to try.
        retiring: something is to leave the destination.
    """

    status: str
    settled: bool
    retiring: bool = False


@dataclass(frozen=True)
class DeliveryResult:
    """How a delivery ended; ``verified`` is ``None`` where the destination could not be read back."""

    status: str
    verified: bool | None = None


@dataclass(frozen=True)
class DeliveryBatchInput:
    """Deliveries of one sync to make in bulk.

    Attributes:
        queue: task queue of the plugin.
    """

    delivery_ids: tuple[str, ...]
    queue: str


@dataclass(frozen=True)
class DeliveryBatchRest:
    """Deliveries that a batch leaves to their own workflows, and the batch's id."""

    batch_id: str
    delivery_ids: tuple[str, ...]


@dataclass(frozen=True)
class Deployed:
    """How a deploy ended.

    Attributes:
        read: whether it was read back at once, or cannot be.
        verified: whether the destination holds what was deployed; ``None`` where it was not read back.
        settled: it is delivered as desired, and nothing is left to try or to remove.
    """

    read: bool = False
    verified: bool | None = None
    settled: bool = False


@dataclass(frozen=True)
class ReadBack:
    """Whether the destination holds what was delivered; ``None`` where it could not be read."""

    verified: bool | None


@dataclass(frozen=True)
class Refreshed:
    """Whether an approval message is closed, and so needs no more refreshing."""

    closed: bool


@dataclass(frozen=True)
class TimedOut:
    """A plugin's verb that timed out, and the id of its subject."""

    verb: str
    subject_id: str
