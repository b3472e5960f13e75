"""Every state that an object can be in: the same words in tables, services, workflows and the API."""

from enum import StrEnum

WAITING = "waiting"
"""Of a step of a request's workflow: the request is not final, and the step is to be taken again."""


class RequestStatus(StrEnum):
    """Of a certificate request."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    ISSUING = "issuing"
    ISSUED = "issued"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class RevocationStatus(StrEnum):
    """Of a revocation request."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REVOKED = "revoked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing follows any more."""
        return self not in (RevocationStatus.PENDING_APPROVAL, RevocationStatus.APPROVED)


class CertificateStatus(StrEnum):
    """Of a certificate; whether it has expired follows from `not_after`."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    HELD = "held"
    REVOKED = "revoked"


class DeliveryStatus(StrEnum):
    """Of a lineage at a sync."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"
    REMOVED = "removed"


class RetirementStatus(StrEnum):
    """Of an object that is to be removed."""

    WAITING = "waiting"
    DUE = "due"
    FAILED = "failed"
    KEPT = "kept"
    REMOVED = "removed"


RETIREMENT_PLANNED = (RetirementStatus.WAITING, RetirementStatus.DUE, RetirementStatus.FAILED)
"""The object is at the destination still, and is to be removed."""


class ApprovalStatus(StrEnum):
    """Of an approval request."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class NotificationStatus(StrEnum):
    """Of a message to a channel."""

    PENDING = "pending"
    HELD = "held"
    RETRYING = "retrying"
    SENT = "sent"
    DIGESTED = "digested"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class AuthorityStatus(StrEnum):
    """Of a certificate authority; `pending` until it has its first certificate."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


class MirrorStatus(StrEnum):
    """Of a revocation list at a mirror."""

    PENDING = "pending"
    RETRYING = "retrying"
    PUBLISHED = "published"
    FAILED = "failed"


class EffectStatus(StrEnum):
    """What the states of every effect have in common; see `certrail.services.core.effects`."""

    PENDING = "pending"
    RETRYING = "retrying"
    FAILED = "failed"


class RemoteOrderStatus(StrEnum):
    """Of an order at a remote signer."""

    OPEN = "open"
    SIGNED = "signed"
    REFUSED = "refused"
