"""Requests and answers of AWS by the vendor's own description of a service, which botocore ships.

What a request may hold is checked as described there: members, lengths, patterns, choices. Two protocols are spoken:
JSON 1.1 and Query (https://smithy.io/2.0/aws/protocols/).
"""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from certrail_fakes.acm_rules import Refusal

CLASSES = {r"\p{L}\p{Z}\p{N}": r"\w\s", r"\p{L}\p{N}": r"\w"}


@cache
def described(service: str) -> ServiceModel:
    """The description of a service."""
    return botocore.session.get_session().get_service_model(service)


def operation(model: ServiceModel, action: str) -> OperationModel:
    """The description of one action.

    Raises:
        Refusal: the service knows none of this name.
    """
    if action not in model.operation_names:
        raise Refusal("InvalidAction", f"Could not find operation {action}")
    return model.operation_model(action)


def status_of(model: ServiceModel, code: str) -> int:
    """The HTTP status of an error code."""
    for shape in model.error_shapes:
        if shape.metadata.get("error", {}).get("code", shape.name) == code:
            return int(shape.metadata.get("error", {}).get("httpStatusCode", 400))
    return 400


def from_query(shape: Shape, form: Mapping[str, str], prefix: str = "") -> Any:
    """The parameters of a Query request, ``Tags.member.1.Key=Name`` and so on; ``None`` where none is given."""
    if shape.type_name == "structure":
        start = f"{prefix}." if prefix else ""
        found = {
            name: from_query(member, form, f"{start}{member.serialization.get('name', name)}")
            for name, member in shape.members.items()
        }
        return {name: value for name, value in found.items() if value is not None} or (None if prefix else {})
    if shape.type_name == "list":
        start = f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        if form.get(prefix) == "":
            return []
        values: list[Any] = []
        while (value := from_query(shape.member, form, f"{start}.{len(values) + 1}")) is not None:
            values.append(value)
        return values or None
    text = form.get(prefix)
    if text is None:
        return None
    if shape.type_name in ("integer", "long"):
        return int(text)
    return text == "true" if shape.type_name == "boolean" else text


def check(shape: Shape, value: Any, where: str, code: str) -> None:
    """Refuse what the description does not allow.

    Raises:
        Refusal: with this error code, naming the member.
    """
    limits = shape.metadata
    if shape.type_name == "structure":
        if missing := [name for name in shape.required_members if name not in value]:
            raise Refusal(code, f"{where}: missing required parameter {missing[0]}")
        if unknown := [name for name in value if name not in shape.members]:
            raise Refusal(code, f"{where}: unknown parameter {unknown[0]}")
        for name, each in value.items():
            check(shape.members[name], each, f"{where}.{name}", code)
    elif shape.type_name == "list":
        _check_size(limits, len(value), where, code)
        for each in value:
            check(shape.member, each, where, code)
    elif shape.type_name == "string":
        _check_size(limits, len(value), where, code)
        pattern = limits.get("pattern", "")
        for written, understood in CLASSES.items():
            pattern = pattern.replace(written, understood)
        if pattern and not re.fullmatch(pattern, value):
            raise Refusal(code, f"Value at {where} failed to satisfy constraint: pattern {pattern}")
        if limits.get("enum") and value not in limits["enum"]:
            raise Refusal(code, f"Value at {where} must be one of {limits['enum']}")
    elif shape.type_name in ("integer", "long"):
        _check_size(limits, value, where, code)


def as_json(value: Any) -> str:
    """The body of a JSON answer."""
    return json.dumps(value, default=lambda instant: instant.timestamp())


def as_xml(model: ServiceModel, described: OperationModel, value: Mapping[str, Any]) -> str:
    """The body of a Query answer."""
    shape, name = described.output_shape, described.name
    inner = ""
    if shape is not None:
        wrapper = shape.serialization["resultWrapper"]
        inner = f"<{wrapper}>{_members(shape, value)}</{wrapper}>"
    return (
        f'<{name}Response xmlns="{model.metadata["xmlNamespace"]}">{inner}<ResponseMetadata>'
        f"<RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{name}Response>"
    )


def _check_size(limits: Mapping[str, Any], size: int, where: str, code: str) -> None:
    if not limits.get("min", size) <= size <= limits.get("max", size):
        raise Refusal(
            code, f"Value at {where} must be from {limits.get('min')} to {limits.get('max')} in size"
        )


def _members(shape: Shape, value: Mapping[str, Any]) -> str:
    return "".join(
        _element(member, value[name], member.serialization.get("name", name))
        for name, member in shape.members.items()
        if value.get(name) is not None
    )


def _element(shape: Shape, value: Any, name: str) -> str:
    if shape.type_name == "structure":
        inner = _members(shape, value)
    elif shape.type_name == "list":
        each = shape.member.serialization.get("name", "member")
        inner = "".join(_element(shape.member, item, each) for item in value)
    elif isinstance(value, datetime):
        inner = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        inner = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"<{name}>{inner}</{name}>"
