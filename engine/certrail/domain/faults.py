"""What pydantic finds wrong, in words for whoever gave it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from annotated_types import MaxLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticKnownError

MOST_FAULTS = 20
_UNKNOWN = "extra_forbidden"
_TOO_MANY, _TOO_FEW = "too_long", "too_short"


def describe_faults(error: ValidationError, model: type[BaseModel] | None = None) -> list[tuple[str, str]]:
    """Each wrong field and what is wrong with it, never its value; the first twenty of them.

    Args:
        model: what was read; where a member is unknown to it, those that it knows are named.
    """
    faults = error.errors(include_input=False, include_url=False)[:MOST_FAULTS]
    return [(".".join(map(str, fault["loc"])), message_of(fault, model)) for fault in faults]


def in_one_line(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """All that is wrong."""
    return "; ".join(
        f"{field}: {message}" if field else message for field, message in describe_faults(error, model)
    )


def message_of(fault: ErrorDetails | Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """What is wrong, without the words that pydantic puts before what a validator of ours says."""
    if fault["type"] == _UNKNOWN and model is not None and (holder := _holder(model, fault["loc"][:-1])):
        return f"there is no such member; known: {', '.join(sorted(holder.model_fields))}"
    if fault["type"] == _TOO_MANY and (most := fault.get("ctx", {}).get("max_length")) is not None:
        given = fault["ctx"].get("actual_length")
        return f"give at most {most}" + (f"; these are {given}" if isinstance(given, int) else "")
    if fault["type"] == _TOO_FEW and (least := fault.get("ctx", {}).get("min_length")) is not None:
        # Of a secret too, whose characters pydantic calls items.
        given = fault["ctx"].get("actual_length")
        return f"give at least {least}" + (f"; these are {given}" if given else "")
    return str(fault["msg"]).removeprefix("Value error, ")


def refuse_too_many(model: type[BaseModel], field: str | None, value: Any) -> None:
    """Look at the length of a list before its items: a fault of each of thousands would hold up other calls.

    Raises:
        PydanticKnownError: there are more than the field takes.
    """
    if not isinstance(value, list | tuple) or field is None:
        return
    most = _most_items(model, field)
    if most is not None and len(value) > most:
        raise PydanticKnownError(
            "too_long", {"field_type": "List", "max_length": most, "actual_length": len(value)}
        )


@cache
def _most_items(model: type[BaseModel], field: str) -> int | None:
    """The length that a field, or the list in its union, declares."""
    info = model.model_fields[field]
    declared = [*info.metadata]
    for part in get_args(info.annotation):
        for said in getattr(part, "__metadata__", ()):
            declared += said.metadata if isinstance(said, FieldInfo) else [said]
    return max((said.max_length for said in declared if isinstance(said, MaxLen)), default=None)


def _holder(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model of what lies at a path below another."""
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            inner = _model_in(model.model_fields[step].annotation)
            if inner is None:
                return None
            model = inner
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model that an annotation holds, such as `Rules` in `dict[str, Rules] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)
