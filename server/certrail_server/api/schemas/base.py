"""What all models share: inputs that refuse unknown members, answers that hold only the members they name."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from certrail.domain import formats
from certrail.domain.durations import Duration, Span
from certrail.domain.faults import refuse_too_many
from certrail.domain.patterns import with_few_asterisks

__all__ = [
    "Duration",
    "In",
    "Listing",
    "Out",
    "Patch",
    "Problem",
    "Span",
    "absent",
    "examples",
    "examples_of",
    "seconds",
]


def _no_id(slug: str) -> str:
    """Objects are found by slug or id, so no slug may be the id of another object."""
    if re.fullmatch(r"[0-9a-f]{32}", slug):
        raise ValueError("32 hexadecimal digits could be the id of another object; choose another slug")
    return slug


Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"), AfterValidator(_no_id)
]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, strip_whitespace=True),
    AfterValidator(formats.printable),
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=320)]
"""A slug or an id."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(with_few_asterisks)]
Patterns = Annotated[list[Pattern], Field(max_length=50)]
Comment = Annotated[str, StringConstraints(max_length=2000), AfterValidator(formats.printable_lines)]
Description = Annotated[str, StringConstraints(max_length=2000), AfterValidator(formats.printable_lines)]
Pem = Annotated[str, StringConstraints(max_length=200_000)]
CsrPem = Annotated[str, StringConstraints(max_length=65536)]
References = Annotated[list[Reference], Field(max_length=100)]
Settings = Annotated[dict[str, Any], Field(max_length=100)]
_Metadatum = Annotated[str, AfterValidator(formats.printable)]
Metadata = Annotated[dict[_Metadatum, _Metadatum], Field(max_length=50)]


def has_nul(value: Any) -> bool:
    """Whether there is a NUL in a text, or anywhere inside a list or object."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(has_nul(part) for part in value)


class In(BaseModel):
    """Base of all inputs."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any, info: ValidationInfo) -> Any:
        """No database keeps the character NUL, and no name or text needs it; and lists are no longer than declared."""
        refuse_too_many(cls, info.field_name, value)
        if has_nul(value):
            raise ValueError("the character NUL is not allowed; remove it")
        return value


class Patch(In):
    """Base of the bodies of PATCH (RFC 7396): a member that is left out is kept, null clears one that may be null."""

    def changes(self) -> dict[str, Any]:
        """The members that were given, by name."""
        return {
            name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set
        }


def absent(description: str, **constraints: Any) -> Any:
    """A member of a `Patch` that may be left out, but not be null."""
    # A factory, so that the schema names no default: left out means kept.
    return Field(default_factory=lambda: None, description=description, **constraints)


def examples(*bodies: Mapping[str, Any]) -> ConfigDict:
    """Configuration of the model of a body: complete examples for the description, each of which a test sends."""
    return ConfigDict(json_schema_extra={"examples": [dict(body) for body in bodies]})


def examples_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The examples that `examples` gave to a model."""
    extra = model.model_config.get("json_schema_extra")
    found: list[dict[str, Any]] = extra.get("examples", []) if isinstance(extra, dict) else []  # type: ignore[assignment]
    return found


class Out(BaseModel):
    """Base of all answers: an allow-list. A column that no field names cannot leave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, row: object, /, **more: Any) -> Self:
        """The answer about a row: each declared field from `more`, else from the attribute of its name."""
        values = {name: more[name] if name in more else getattr(row, name) for name in cls.model_fields}
        return cls.model_validate({**more, **values})


T = TypeVar("T")


class Listing(Out, Generic[T]):
    """Base of all lists: `items`, and where the next page begins."""

    items: list[T] = Field(description="The objects, in the order that the call names.")
    next_cursor: str | None = Field(
        default=None, description="Give it as `cursor` to read the next page; null on the last one."
    )


class Ok(Out):
    """A check that passed; one that does not is answered with a problem."""

    ok: bool = Field(description="Always true.")


class Fault(Out):
    """One wrong member of an input."""

    field: str = Field(description="Path of the member, its parts joined by dots; empty for the body itself.")
    message: str = Field(description="What is wrong with it, and what to write instead.")


class Problem(BaseModel):
    """A refusal (RFC 9457), with further members that depend on its kind."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:certrail:problem:` and the kind of the problem.")
    title: str = Field(description="The kind in words.")
    status: int = Field(description="HTTP status code.")
    detail: str = Field(description="What is wrong, and what to change.")
    instance: str | None = Field(default=None, description="Path of the call.")
    request_id: str | None = Field(default=None, description="Id of the call, by which the log has it.")
    field: str | None = Field(default=None, description="The member or parameter that is wrong.")
    errors: list[Fault] | None = Field(default=None, description="Every wrong member, if there are several.")


def seconds(duration: timedelta | None) -> int | None:
    """A duration as services keep it."""
    return None if duration is None else int(duration.total_seconds())


def span(value: int | None) -> timedelta | None:
    """The same, back."""
    return None if value is None else timedelta(seconds=value)


def spans(values: Sequence[int]) -> list[timedelta]:
    """Several, in their order."""
    return [timedelta(seconds=value) for value in values]
