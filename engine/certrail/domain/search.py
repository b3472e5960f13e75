"""What to look for in the inventory."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from certrail.domain.timestamps import Timestamp

LONGEST_TEXT = 320
SHORTEST_PART = 3
"""Characters: a shorter part of a name would match too much to be of use."""

_Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT, strip_whitespace=True)]
_Part = Annotated[str, StringConstraints(min_length=SHORTEST_PART, max_length=LONGEST_TEXT, to_lower=True)]


def _hex(value: str) -> str:
    """Lower-case hex without the colons and leading zeros with which it is often shown."""
    digits = value.replace(":", "").replace(" ", "").lower()
    int(digits, 16)
    return digits


def _serial(value: str) -> str:
    return _hex(value).lstrip("0") or "0"


def _pair(value: str) -> str:
    name, equals, _ = value.partition("=")
    if not name or not equals:
        raise ValueError("write metadata as name=value")
    return value


Hex = Annotated[str, StringConstraints(max_length=128), AfterValidator(_hex)]
Serial = Annotated[str, StringConstraints(max_length=128), AfterValidator(_serial)]
Metadata = Annotated[str, StringConstraints(max_length=1200), AfterValidator(_pair)]


class CertificateFilter(BaseModel):
    """Everything that is given must hold.

    Attributes:
        name: a common name or alternative name, as a whole, whatever its case.
        name_begins: the beginning of one, at least three characters.
        name_ends: the end of one, such as ``.example.com``.
        serial: hex, colons and leading zeros ignored.
        fingerprint: SHA-256, hex, colons ignored.
        status: ``active`` certificates that have ended are ``expired``.
        profile: slug or id.
        issuer: slug or id of an authority.
        lineage: id.
        expires_after: first moment, included.
        expires_before: last moment, not included.
        metadata: ``name=value``; several must all be there.
        sort: newest first, or what expires next first, which is meant where a window is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Text | None = None
    name_begins: _Part | None = None
    name_ends: _Part | None = None
    serial: Serial | None = None
    fingerprint: Hex | None = None
    status: Literal["active", "expired", "superseded", "held", "revoked"] | None = None
    profile: _Text | None = None
    issuer: _Text | None = None
    lineage: _Text | None = None
    expires_after: Timestamp | None = None
    expires_before: Timestamp | None = None
    metadata: Annotated[list[Metadata], Field(max_length=5)] = Field(default_factory=list)
    sort: Literal["newest", "expiry"] | None = None

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.expires_after and self.expires_before and self.expires_after >= self.expires_before:
            raise ValueError("expires_after must be before expires_before")
        return self

    @property
    def by_expiry(self) -> bool:
        """Whether the list begins with what expires next."""
        return self.sort == "expiry" or (
            self.sort is None and (self.expires_after is not None or self.expires_before is not None)
        )


Position = tuple[datetime, str]
"""Where a page ended: the moment that the list is sorted by, and the id."""
