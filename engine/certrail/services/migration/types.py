"""Field types of the project export: limits and formats are checked while the file is read."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)

from certrail.domain.durations import bounded, parse_duration, positive

MAX_CERTIFICATES = 100_000
MAX_OBJECTS = 10_000


def _refuse_uuid(slug: str) -> str:
    """Objects are looked up by slug or id: a slug that is a valid id would shadow another object."""
    if re.fullmatch(r"[0-9a-f]{32}", slug):
        raise ValueError("32 hexadecimal digits could be the id of another object; choose another slug")
    return slug


Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"),
    AfterValidator(_refuse_uuid),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=320)]
References = Annotated[list[Reference], Field(max_length=100)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Pem = Annotated[str, StringConstraints(max_length=200_000)]
PrivateKeyPem = Annotated[SecretStr, Field(max_length=20_000)]
Metadata = Annotated[dict[str, str], Field(max_length=50)]
NamePatterns = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=256)]], Field(max_length=50)
]
PluginConfig = Annotated[dict[str, Any], Field(max_length=100)]
_Seconds = Annotated[
    timedelta,
    BeforeValidator(lambda given: parse_duration(given) if isinstance(given, str) else given),
    AfterValidator(bounded),
    Field(json_schema_extra={"type": "string", "format": "duration"}),
]
Interval = _Seconds
"""A duration such as ``36h``, ``47d`` or ``PT90M``; zero is allowed."""
Lifetime = Annotated[_Seconds, AfterValidator(positive)]
"""A duration above zero."""


class Part(BaseModel):
    """Base of every part: unknown members are refused, and errors never show a value (keys are among them)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_nul(cls, value: Any) -> Any:
        """PostgreSQL stores no U+0000 in text or JSON."""
        if _has_nul(value):
            raise ValueError("the character NUL is not allowed; remove it")
        return value


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(_has_nul(part) for part in value)
