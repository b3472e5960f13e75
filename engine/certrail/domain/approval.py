"""What approval policies guard."""

from enum import StrEnum


class GuardedAction(StrEnum):
    """An action that a policy may require approval for."""

    ISSUANCE = "issuance"
    REVOCATION = "revocation"
