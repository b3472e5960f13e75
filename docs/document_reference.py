"""Writes the reference of the JSON documents that `certrail <noun> create` and the API take, from their schemas."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
SCOPE = "/api/v1/applications/{application}"


@dataclass(frozen=True)
class Document:
    """One kind of document.

    Attributes:
        path: of the call whose body it is.
        command: that takes it.
        update: command that changes it, with a document of the members to change.
    """

    title: str
    path: str
    command: str
    update: str


DOCUMENTS: Mapping[str, Document] = {
    "sync-document.md": Document(
        "Sync documents",
        f"{SCOPE}/syncs",
        "certrail sync create APPLICATION DOCUMENT",
        "certrail sync update",
    ),
    "channel-document.md": Document(
        "Channel documents",
        f"{SCOPE}/channels",
        "certrail channel create APPLICATION DOCUMENT",
        "certrail channel update",
    ),
    "alert-document.md": Document(
        "Alert documents",
        f"{SCOPE}/alerts",
        "certrail alert create APPLICATION DOCUMENT",
        "certrail alert update",
    ),
    "approval-policy-document.md": Document(
        "Approval policy documents",
        f"{SCOPE}/approval-policies",
        "certrail approval-policy create APPLICATION DOCUMENT",
        "certrail approval-policy update",
    ),
    "policy-document.md": Document(
        "Certificate policy documents",
        "/api/v1/certificate-policies",
        "certrail policy create SLUG RULES",
        "certrail policy update",
    ),
}


def document_page(document: Document, openapi: Json) -> Iterator[str]:
    """The parts of a page: its call and commands, a table for each object in it, and an example."""
    content = openapi["paths"][document.path]["post"]["requestBody"]["content"]["application/json"]
    schemas: Mapping[str, Json] = openapi["components"]["schemas"]
    name = _reference(content["schema"])
    example = _example(content, schemas[name])
    yield (
        f"The body of `POST {document.path}`, which `{document.command}` sends. `{document.update}` sends the"
        " members to change, as a merge patch (RFC 7396): one that is left out is kept, null clears one that may be"
        " null, and an object or a list is replaced as a whole."
    )
    if document.path.endswith("certificate-policies"):
        yield "`RULES` is the value of `rules` alone; [policy rules](policy-rules.md) says how they are evaluated."
    seen, waiting = {name}, [(name, "", example)]
    while waiting:
        current, place, value = waiting.pop(0)
        schema = schemas[current]
        if place:
            yield f"## `{place}`"
        if schema.get("description"):
            yield _line(schema["description"])
        required = set(schema.get("required", ()))
        rows = [("property", "type", "default", "description", "example"), ("---",) * 5]
        for member, inner in schema.get("properties", {}).items():
            below = value.get(member) if isinstance(value, Mapping) else None
            rows.append(
                (
                    f"`{member}`",
                    _type(inner, schemas),
                    _default(inner, member in required),
                    _line(inner.get("description", "")),
                    _sample(inner, below),
                )
            )
            for found in _objects(inner, schemas):
                if found not in seen:
                    seen.add(found)
                    many = isinstance(below, list)
                    item = below[0] if many and below else below
                    waiting.append((found, f"{place}.{member}".strip(".") + ("[]" if many else ""), item))
        yield "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    if example is not None:
        yield "## Example"
        yield f"```json\n{json.dumps(example, indent=2)}\n```"


def _reference(schema: Json) -> str:
    return str(schema["$ref"].rpartition("/")[2])


def _example(content: Json, schema: Json) -> Any:
    """The example of a body, wherever OpenAPI lets it stand."""
    if "example" in content:
        return content["example"]
    if content.get("examples"):
        return next(iter(content["examples"].values())).get("value")
    return next(iter(schema.get("examples", ())), None)


def _objects(schema: Json, schemas: Mapping[str, Json]) -> Iterator[str]:
    """The objects in a property that have properties of their own."""
    if "$ref" in schema:
        name = _reference(schema)
        if "properties" in schemas[name]:
            yield name
    inner: Sequence[Any] = [schema.get("items"), schema.get("additionalProperties")]
    for part in (*inner, *schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        if isinstance(part, dict):
            yield from _objects(part, schemas)


def _type(schema: Json, schemas: Mapping[str, Json]) -> str:
    if "$ref" in schema:
        target = schemas[_reference(schema)]
        return "object" if "properties" in target else _type(target, schemas)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(_type(part, schemas) for part in schema[union]))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), schemas)}"
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, dict) and values:
        return f"object of {_type(values, schemas)}"
    return f"{schema['format']}" if kind == "string" and "format" in schema else kind


def _default(schema: Json, required: bool) -> str:
    if required:
        return "required"
    default = schema.get("default")
    return "" if default is None else f"`{json.dumps(default)}`"


def _sample(schema: Json, value: Any) -> str:
    found = value if value is not None else next(iter(schema.get("examples", ())), None)
    return "" if found is None else f"`{json.dumps(found)}`"


def _line(text: str) -> str:
    return " ".join(text.split())
