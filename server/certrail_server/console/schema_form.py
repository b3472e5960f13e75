"""Forms from JSON schemas, of plugins and of the API: what is optional stays optional, a secret is never sent back."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from certrail.domain.errors import BadInput
from certrail.plugins.redaction import MASK
from certrail_server.console.forms import Form

Schema = Mapping[str, Any]
Options = Sequence[tuple[str, str]]
LONG = 2000
"""Characters: a text that may be so long has lines."""
LONGEST = 10_000
"""And a secret only from so many on."""
DEEPEST = 3
"""Groups within groups; what is deeper is written as JSON."""


@dataclass(frozen=True)
class SchemaField:
    """One control.

    Attributes:
        name: path of the setting, its parts joined by dots; the form sends it after `prefix`.
        kind: `text`, `long`, `number`, `choice`, `yes-no`, `several`, `secret`, `long-secret`, `lines`, `pairs`,
            `json` or `rows`.
        options: of a choice, the empty one first where it may be left out; and of several that are ticked.
        hint: what it is, and what it is when it is left out.
        item: of rows: the controls of each, named by what comes after its number.
        nullable: whether null clears it.
    """

    name: str
    kind: str
    label: str
    hint: str
    required: bool
    options: Options = ()
    prefix: str = "config."
    item: Sequence["SchemaField"] = ()
    nullable: bool = False

    @property
    def sent(self) -> str:
        """Its name in the form."""
        return self.prefix + self.name

    def row(self, number: int) -> Sequence["SchemaField"]:
        """The controls of a row; none is required, because a row that is left empty is none."""
        return [replace(each, name=f"{self.name}.{number}.{each.name}", required=False) for each in self.item]


PREFIX = "config."


@dataclass(frozen=True)
class Model:
    """How the schema of a model of the API is asked for.

    Attributes:
        options: what may be chosen, by the path of a member that names other objects.
        groups: paths of groups that may be null, of which each member is a control. Others are JSON, because null and
            an empty group may mean different things.
    """

    options: Mapping[str, Options]
    groups: Collection[str]


def fields_of(
    schema: Schema, names: Collection[str], model: Model | None = None, *, prefix: str = PREFIX
) -> Sequence[SchemaField]:
    """The controls for some members of a schema, what is required first.

    Args:
        names: of the members; those of a group come with it.
        model: of the API; left out, it is the schema of a plugin.
    """
    found = list(_fields(schema, schema, names, "", 1, True, model))
    placed = [replace(each, prefix=prefix, item=_placed(each.item, prefix)) for each in found]
    return sorted(placed, key=lambda field: not field.required)


def _placed(item: Sequence[SchemaField], prefix: str) -> Sequence[SchemaField]:
    return [replace(each, prefix=prefix) for each in item]


def values_of(fields: Sequence[SchemaField], form: Form) -> dict[str, Any]:
    """What the form says, for the plugin's own model to validate. Raises BadInput for what is no number or no JSON."""
    found: dict[str, Any] = {}
    for field in fields:
        value = _read(field, form)
        if value is None:
            continue
        *groups, last = field.name.split(".")
        into = found
        for group in groups:
            into = into.setdefault(group, {})
        into[last] = value
    return found


def _read(field: SchemaField, form: Form) -> Any:
    """What the form says of one control; `None` for nothing."""
    if field.kind == "rows":
        rows = (
            _at(values_of(field.row(number), form), f"{field.name}.{number}")
            for number in range(form.rows(field.sent))
        )
        return [row for row in rows if row] or None
    if field.kind == "several":
        return form.all(field.sent) or None
    text = form.get(field.sent)
    return _value(field, text) if text else None


def filled(fields: Sequence[SchemaField], current: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The fields of a form that shows what is set now; of secrets nothing.

    Args:
        current: as an answer of the API has it, in JSON.
    """
    found: dict[str, Sequence[str]] = {}
    for field in fields:
        value = _at(current, field.name)
        if value in (None, [], {}, MASK):
            continue
        if field.kind == "rows":
            for number, row in enumerate(value):
                inner = filled(field.item, row)
                found |= {
                    f"{field.sent}.{number}.{name.removeprefix(field.prefix)}": said
                    for name, said in inner.items()
                }
        elif field.kind == "several":
            found[field.sent] = [str(each) for each in value]
        elif field.kind not in ("secret", "long-secret"):
            found[field.sent] = [_text(field.kind, value)]
    return found


def _at(values: Any, path: str) -> Any:
    """What is there at a path; `None` for nothing."""
    for part in path.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _text(kind: str, value: Any) -> str:
    if kind == "yes-no":
        return "yes" if value else "no"
    if kind == "lines":
        return "\n".join(map(str, value))
    if kind == "pairs":
        return "\n".join(f"{name}={text}" for name, text in value.items())
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return str(value)


def with_masks(
    fields: Sequence[SchemaField], values: dict[str, Any], current: Mapping[str, Any]
) -> dict[str, Any]:
    """A configuration in which a secret that was not typed again is masked, which keeps it."""
    for field in fields:
        if field.kind not in ("secret", "long-secret"):
            continue
        if _at(current, field.name) != MASK:
            continue
        *groups, last = field.name.split(".")
        into = values
        for part in groups:
            into = into.setdefault(part, {})
        into.setdefault(last, MASK)
    return values


def _fields(
    schema: Schema,
    root: Schema,
    names: Collection[str],
    above: str,
    depth: int,
    needed: bool,
    model: Model | None,
) -> Iterator[SchemaField]:
    required = set(schema.get("required", ()))
    for name, given in schema.get("properties", {}).items():
        if name not in names:
            continue
        member, optional = _resolved(given, root)
        path, must = f"{above}{name}", needed and name in required and not optional
        is_group = member.get("type") == "object" and "properties" in member and depth < DEEPEST
        if is_group and (model is None or not optional or path in model.groups):
            yield from _fields(member, root, member["properties"], f"{path}.", depth + 1, must, model)
            continue
        if model is not None and (found := _of_a_model(path, given, member, optional, must, root, model)):
            yield replace(found, nullable=optional)
            continue
        secret = name in root.get("x-secret-fields", ()) or member.get("format") == "password"
        kind, options = _kind(member, secret, must, root)
        yield SchemaField(
            path, kind, _label(path), _hint(given, member, kind), must, options, nullable=optional
        )


def _of_a_model(
    path: str, given: Schema, member: Schema, optional: bool, must: bool, root: Schema, model: Model
) -> SchemaField | None:
    """A control that only a model of the API has: what names other objects, a list of names, a list of groups."""
    options = model.options.get(path)
    if options is None and member.get("type") == "array" and not optional:
        item, _ = _resolved(member.get("items", {}), root)
        if "properties" in item:
            inner = tuple(_fields(item, root, item["properties"], "", DEEPEST, True, _below(model, path)))
            hint = _hint(given, member, "rows")
            return SchemaField(path, "rows", _label(path), hint, must, item=inner)
        options = [(str(each), str(each)) for each in item["enum"]] if "enum" in item else None
    if options is None:
        return None
    if member.get("type") == "array":
        return SchemaField(path, "several", _label(path), _hint(given, member, "several"), must, options)
    chosen = options if must else [("", "none" if optional else "as it is by itself"), *options]
    return SchemaField(path, "choice", _label(path), _hint(given, member, "choice"), must, chosen)


def _below(model: Model, path: str) -> Model:
    """What is said of the members of a row, whatever its number."""
    begins = f"{path}."
    options = {
        name.removeprefix(begins): found for name, found in model.options.items() if name.startswith(begins)
    }
    return Model(options, [name.removeprefix(begins) for name in model.groups])


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
        return ("secret" if member.get("maxLength", LONGEST) < LONGEST else "long-secret"), ()
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
    if kind == "string":
        return ("long" if member.get("maxLength", 0) >= LONG else "text"), ()
    return "json", ()


def _label(path: str) -> str:
    return path.replace(".", ": ").replace("_", " ").capitalize()


def _hint(given: Schema, member: Schema, kind: str) -> str:
    said = str(given.get("description") or member.get("description") or "")
    # In a form nothing is null: it is left empty.
    said = said.replace("`", "").replace("null", "left empty")
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
