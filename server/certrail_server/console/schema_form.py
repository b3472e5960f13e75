"""Forms from the JSON schemas of plugins: what is optional stays optional, and a secret is never sent back."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from certrail.domain.errors import BadInput
from certrail_server.console.forms import Form

Schema = Mapping[str, Any]
DEEPEST = 3
"""Groups within groups; what is deeper is written as JSON."""
SCALARS = ("string", "integer", "number", "boolean")


@dataclass(frozen=True)
class SchemaField:
    """One control.

    Attributes:
        name: path of the setting, its parts joined by dots; the form sends it after `PREFIX`.
        kind: `text`, `number`, `choice`, `yes-no`, `secret`, `long-secret`, `lines`, `pairs` or `json`.
        options: of a choice; the empty one first where it may be left out.
        hint: what it is, and what it is when it is left out.
    """

    name: str
    kind: str
    label: str
    hint: str
    required: bool
    options: Sequence[tuple[str, str]] = ()


PREFIX = "config."


def fields_of(schema: Schema, names: Collection[str]) -> Sequence[SchemaField]:
    """The controls for some members of a schema, what is required first.

    Args:
        names: of the members; those of a group come with it.
    """
    found = list(_fields(schema, schema, names, "", 1, True))
    return sorted(found, key=lambda field: not field.required)


def values_of(fields: Sequence[SchemaField], form: Form) -> dict[str, Any]:
    """What the form says, for the plugin's own model to validate. Raises BadInput for what is no number or no JSON."""
    found: dict[str, Any] = {}
    for field in fields:
        text = form.get(PREFIX + field.name)
        if not text:
            continue
        *groups, last = field.name.split(".")
        into = found
        for group in groups:
            into = into.setdefault(group, {})
        into[last] = _value(field, text)
    return found


def _fields(
    schema: Schema, root: Schema, names: Collection[str], above: str, depth: int, needed: bool
) -> Iterator[SchemaField]:
    required = set(schema.get("required", ()))
    for name, given in schema.get("properties", {}).items():
        if name not in names:
            continue
        member, optional = _resolved(given, root)
        path, must = f"{above}{name}", needed and name in required and not optional
        if member.get("type") == "object" and "properties" in member and depth < DEEPEST:
            yield from _fields(member, root, member["properties"], f"{path}.", depth + 1, must)
            continue
        secret = name in root.get("x-secret-fields", ()) or member.get("format") == "password"
        kind, options = _kind(member, secret, must, root)
        yield SchemaField(path, kind, _label(path), _hint(given, member, kind), must, options)


def _resolved(given: Schema, root: Schema) -> tuple[Schema, bool]:
    """A member with its reference followed, and whether it may be null."""
    optional = False
    for _ in range(DEEPEST * 2):
        if "$ref" in given:
            given = {**root.get("$defs", {}).get(given["$ref"].rpartition("/")[2], {})}
            continue
        others = [each for each in given.get("anyOf", ()) if each.get("type") != "null"]
        if len(others) == 1:
            optional = optional or len(others) < len(given["anyOf"])
            given = others[0]
            continue
        break
    return given, optional


def _kind(member: Schema, secret: bool, must: bool, root: Schema) -> tuple[str, Sequence[tuple[str, str]]]:
    kind = member.get("type")
    if secret:
        # A key in PEM has lines, which a password field would drop.
        return ("secret" if "maxLength" in member else "long-secret"), ()
    if "enum" in member:
        chosen = [(str(each), str(each)) for each in member["enum"]]
        return "choice", chosen if must else [("", "as it is by itself"), *chosen]
    if kind == "boolean":
        return "yes-no", [("", "as it is by itself"), ("yes", "yes"), ("no", "no")]
    if kind in ("integer", "number"):
        return "number", ()
    if kind == "array":
        item, _ = _resolved(member.get("items", {}), root)
        return ("lines" if item.get("type") == "string" and "enum" not in item else "json"), ()
    if kind == "object":
        item, _ = _resolved(member.get("additionalProperties") or {}, root)
        return ("pairs" if item.get("type") == "string" else "json"), ()
    return ("text" if kind == "string" else "json"), ()


def _label(path: str) -> str:
    return path.replace(".", ": ").replace("_", " ").capitalize()


def _hint(given: Schema, member: Schema, kind: str) -> str:
    said = str(given.get("description") or member.get("description") or "")
    how = {
        "lines": "One on each line.",
        "pairs": "name=value on each line.",
        "json": "As JSON.",
        "number": _bounds(member),
    }.get(kind, "")
    default = given.get("default")
    left = f"Left out: {_shown(default)}." if default not in (None, "", [], {}) else ""
    return " ".join(part for part in (said, how, left) if part)


def _bounds(member: Schema) -> str:
    low, high = member.get("minimum"), member.get("maximum")
    return f"{low:g} to {high:g}." if low is not None and high is not None else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _value(field: SchemaField, text: str) -> Any:
    if field.kind == "yes-no":
        return text == "yes"
    if field.kind == "number":
        try:
            return int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError:
            raise BadInput(f"{field.label}: give a number.", field.name) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if field.kind == "lines":
        return lines
    if field.kind == "pairs":
        pairs = dict(line.partition("=")[::2] for line in lines)
        if any("=" not in line for line in lines):
            raise BadInput(f"{field.label}: write one name=value on each line.", field.name)
        return {name.strip(): value.strip() for name, value in pairs.items()}
    if field.kind == "json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise BadInput(f"{field.label}: this is no JSON.", field.name) from None
    # Lines of a form end with CR and LF (HTML, "form-data encoding"), which no key in PEM has.
    return text.replace("\r\n", "\n") + ("\n" if field.kind == "long-secret" and "\n" in text else "")
