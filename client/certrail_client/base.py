"""What the generated models are made of."""

from copy import deepcopy
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SecretStr

Json = dict[str, Any]
Secret = Annotated[SecretStr, PlainSerializer(lambda secret: secret.get_secret_value(), when_used="json")]
"""A text that is sent in the clear and printed nowhere."""


class Answer(BaseModel):
    """What the server sends. Members of a newer server are kept."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class Body(BaseModel):
    """What is sent. A member that the API does not know is refused here already."""

    model_config = ConfigDict(
        extra="forbid",
        defer_build=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class OpenEnum(StrEnum):
    """Known words; one that a newer server uses is kept as it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


def default(value: Any, **options: Any) -> Any:
    """A field whose default is what the API takes for a member that is left out."""
    return Field(default_factory=lambda: deepcopy(value), validate_default=True, **options)
