"""The words that options take; a test holds them against those of the API."""

from enum import StrEnum


class CertificateStatus(StrEnum):
    """Of a certificate."""

    ACTIVE = "active"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    HELD = "held"
    REVOKED = "revoked"


class CertificateSort(StrEnum):
    """The order of certificates."""

    EXPIRY = "expiry"
    NEWEST = "newest"


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


class ApprovalStatus(StrEnum):
    """Of an approval request."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class EnrollmentMethod(StrEnum):
    """Of enrollment."""

    API = "api"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class ProbeVerdict(StrEnum):
    """What a probe found."""

    SERVED = "served"
    OLDER = "older"
    OTHER = "other"
    CHAIN_BROKEN = "chain_broken"
    UNREACHABLE = "unreachable"


class DeliveryStatus(StrEnum):
    """Of a delivery."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"
    REMOVED = "removed"


class NotificationStatus(StrEnum):
    """Of a notification."""

    PENDING = "pending"
    HELD = "held"
    RETRYING = "retrying"
    SENT = "sent"
    DIGESTED = "digested"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class Role(StrEnum):
    """Of a member of an Application."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class ProductRole(StrEnum):
    """Of a principal in the product."""

    ADMIN = "admin"
    MEMBER = "member"


class KeyAlgorithm(StrEnum):
    """Of a key pair."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"


class RevocationReason(StrEnum):
    """Why a certificate is revoked (RFC 5280 section 5.3.1)."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


class ExportFormat(StrEnum):
    """Of a certificate file."""

    PEM = "pem"
    DER = "der"
    PKCS12 = "pkcs12"
    JKS = "jks"


class AutoRenewal(StrEnum):
    """Whether a certificate is renewed automatically."""

    ON = "on"
    OFF = "off"
    PROFILE = "profile"
