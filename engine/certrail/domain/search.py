"""What to look for in the inventory."""

from datetime import datetime
from enum import StrEnum
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


class CertificateSearchStatus(StrEnum):
    """What a search may ask for: the stored states, and `expired`, which follows from the time."""

    ACTIVE = "active"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    HELD = "held"
    REVOKED = "revoked"


class CertificateFilter(BaseModel):
    """What certificates must have; everything that is given must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Text | None = Field(
        default=None, description="A common name or alternative name, as a whole, whatever its case."
    )
    name_begins: _Part | None = Field(
        default=None, description="The beginning of one, at least three characters."
    )
    name_ends: _Part | None = Field(default=None, description="The end of one, such as .example.com.")
    serial: Serial | None = Field(default=None, description="Hex; colons and leading zeros are ignored.")
    fingerprint: Hex | None = Field(default=None, description="SHA-256, hex; colons are ignored.")
    status: CertificateSearchStatus | None = Field(
        default=None, description="Certificates of status `active` that have ended are found as `expired`."
    )
    profile: _Text | None = Field(default=None, description="Slug or id of a certificate profile.")
    issuer: _Text | None = Field(default=None, description="Slug or id of a certificate authority.")
    lineage: _Text | None = Field(default=None, description="Id of a lineage.")
    expires_after: Timestamp | None = Field(default=None, description="First time, included.")
    expires_before: Timestamp | None = Field(default=None, description="Last time, excluded.")
    metadata: Annotated[list[Metadata], Field(max_length=5)] = Field(
        default_factory=list, description="`name=value`; several must all be there."
    )
    sort: Literal["newest", "expiry"] | None = Field(
        default=None,
        description="Newest first, or what expires next first; the latter is the default where a time of expiry is"
        " given.",
    )

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
