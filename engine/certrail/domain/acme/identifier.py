"""What a certificate is ordered for (RFC 8555 section 9.7.7, RFC 8738)."""

from dataclasses import dataclass
from enum import StrEnum


class IdentifierType(StrEnum):
    """Of what a certificate is for (RFC 8555 section 9.7.7, RFC 8738)."""

    DNS = "dns"
    IP = "ip"


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """A name in an order; `value` is normalised, and begins with ``*.`` for a wildcard."""

    type: IdentifierType
    value: str

    @property
    def wildcard(self) -> bool:
        """Whether it covers all names one label below."""
        return self.value.startswith("*.")

    @property
    def base(self) -> str:
        """The name without the wildcard: what an authorization is for (RFC 8555 section 7.1.3)."""
        return self.value.removeprefix("*.")

    def document(self) -> dict[str, str]:
        """As JSON."""
        return {"type": str(self.type), "value": self.value}
