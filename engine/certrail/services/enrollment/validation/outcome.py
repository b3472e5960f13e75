"""What a check needs, and how it ended."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from certrail.crypto.base64url import encode
from certrail.domain.acme import IdentifierType
from certrail.domain.enrollment import AcmeSettings, ChallengeType

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
CHECK_SECONDS = 10.0
"""Of one check, from the first DNS query to the last byte."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One check of one challenge.

    Attributes:
        value: the name or address, without a wildcard.
        token: of the challenge.
        thumbprint: of the account's key (RFC 7638).
        wildcard: whether the identifier is a wildcard.
        account_url: as the client knows it; where it has answered a challenge of DNS.
        past_thumbprints: of the keys that the account had before, the oldest first.
        now: when the check begins.
    """

    type: ChallengeType
    identifier_type: IdentifierType
    value: str
    token: str
    thumbprint: str
    settings: AcmeSettings
    wildcard: bool = False
    account_url: str = ""
    past_thumbprints: tuple[str, ...] = ()
    now: datetime = LONG_AGO

    @property
    def key_authorization(self) -> str:
        """What shows that the account's holder answers (RFC 8555 section 8.1)."""
        return f"{self.token}.{self.thumbprint}"

    @property
    def digest(self) -> bytes:
        """SHA-256 of the key authorization."""
        return hashlib.sha256(self.key_authorization.encode()).digest()

    @property
    def dns_value(self) -> str:
        """The digest as a TXT record holds it (RFC 8555 section 8.4)."""
        return encode(self.digest)


@dataclass(frozen=True, slots=True)
class Shown:
    """A check found proof of control.

    Attributes:
        until: after which it is no proof any more; ``None`` for no such time.
    """

    until: datetime | None = None


class CheckFailed(Exception):
    """A check found no proof of control.

    Attributes:
        kind: an ACME error type: ``connection``, ``dns``, ``tls``, ``incorrectResponse``, ``malformed`` or
            ``unauthorized``.
        detail: what was found, for the person who runs the client; nothing of an answer's body.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


def listed(values: Sequence[object]) -> str:
    """A few values for a person."""
    shown = ", ".join(str(value) for value in values[:5])
    return shown + (f" and {len(values) - 5} more" if len(values) > 5 else "")
