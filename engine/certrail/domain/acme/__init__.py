"""ACME (RFC 8555): identifiers, states and problems; pure."""

from certrail.domain.acme.identifier import Identifier, IdentifierType
from certrail.domain.acme.problem import AcmeProblem, Subproblem
from certrail.domain.acme.reading import challenges_for, contacts_of, identifiers_of, names_key
from certrail.domain.acme.states import AccountStatus, AuthorizationStatus, ChallengeStatus, OrderStatus

__all__ = [
    "AccountStatus",
    "AcmeProblem",
    "AuthorizationStatus",
    "ChallengeStatus",
    "Identifier",
    "IdentifierType",
    "OrderStatus",
    "Subproblem",
    "challenges_for",
    "contacts_of",
    "identifiers_of",
    "names_key",
]
