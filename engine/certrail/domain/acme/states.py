"""States of orders, authorizations, challenges and accounts (RFC 8555 section 7.1.6)."""

from enum import StrEnum


class OrderStatus(StrEnum):
    """Of an order (RFC 8555 section 7.1.6); ``valid`` follows from its certificate request and is not stored."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class AuthorizationStatus(StrEnum):
    """Of an authorization."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"


class ChallengeStatus(StrEnum):
    """Of a challenge."""

    PENDING = "pending"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class AccountStatus(StrEnum):
    """Of an account."""

    VALID = "valid"
    DEACTIVATED = "deactivated"
    REVOKED = "revoked"
