"""Writes `certrail_client/models` and `certrail_client/api` from the API's OpenAPI document.

``python -m docs.generate`` runs it with the description of the present code.
"""

import keyword
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import BaseModel

PACKAGE = Path(__file__).parent / "certrail_client"
PREFIX = "/api/v1"
SCOPE = "/applications/{application}"
NOTE = "Written by `python -m docs.generate` from the OpenAPI document; edit the API instead."
COMMON, ENUMS = "common", "enums"
"""Modules of what several tags use: objects, and enumerations."""
SECRET_NAMES = frozenset({"password", "private_key", "token", "csrf_token"})
SCALARS = {"integer": "int", "number": "float", "boolean": "bool", "null": "None", "string": "str"}
FORMATS = {"date-time": "datetime", "date": "date", "password": "Secret"}
Json = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One function to write.

    Attributes:
        scoped: the same call exists below an Application and outside of one.
    """

    method: str
    path: str
    detail: Json
    scoped: bool

    @property
    def name(self) -> str:
        """Of the function: the operationId without its scope."""
        ident = re.split(r"_in_legacy_scope$", self.detail["operationId"])[0]
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ident).lower()

    @property
    def module(self) -> str:
        """Of the function: its first tag."""
        return _identifier(self.detail.get("tags", [COMMON])[0])


def files(document: Json) -> dict[Path, str]:
    """Every file to write, with its text before it is formatted."""
    operations = list(_operations(document))
    schemas: dict[str, Json] = document["components"]["schemas"]
    places = _places(schemas, operations)
    texts: dict[Path, str] = {}
    for module in sorted(set(places.values())):
        names = [name for name, place in places.items() if place == module]
        texts[PACKAGE / "models" / f"{module}.py"] = _models(module, names, schemas, places)
    texts[PACKAGE / "models" / "__init__.py"] = _docstring("What the API takes and answers.")
    by_module: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_module[operation.module].append(operation)
    for module, members in sorted(by_module.items()):
        texts[PACKAGE / "api" / f"{module}.py"] = _api(module, members, schemas, places)
    texts[PACKAGE / "api" / "__init__.py"] = _docstring("Every call of the API, by what it is about.")
    return texts


def formatted(texts: Mapping[Path, str]) -> dict[Path, str]:
    """The same, as the repository's formatter writes it."""
    return {path: _ruff(text, path) for path, text in texts.items()}


def write(document: Json) -> None:
    """Write every file, and remove those of modules that are no more."""
    texts = formatted(files(document))
    for folder in ("models", "api"):
        (PACKAGE / folder).mkdir(exist_ok=True)
        for stale in set((PACKAGE / folder).glob("*.py")) - texts.keys():
            stale.unlink()
    for path, text in texts.items():
        path.write_text(text)


def _ruff(text: str, path: Path) -> str:
    for words in (("check", "--quiet", "--fix", "--select", "I,F,UP,RUF,PIE"), ("format", "--quiet")):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", str(path), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return text


def _operations(document: Json) -> Iterator[Operation]:
    """Those below the prefix; a call that exists within and outside of an Application is one function."""
    paths: dict[str, Json] = document["paths"]
    for path, methods in paths.items():
        below = path.removeprefix(PREFIX)
        if below == path:
            continue
        for method, detail in methods.items():
            name = Operation(method, below, detail, False).name
            if _named(paths, PREFIX + SCOPE + below, method) == name:
                continue  # written with the one within
            outside = PREFIX + below.removeprefix(SCOPE)
            scoped = below.startswith(f"{SCOPE}/") and _named(paths, outside, method) == name
            yield Operation(method.upper(), below, detail, scoped)


def _named(paths: Mapping[str, Json], path: str, method: str) -> str | None:
    """The function of a path and method, where there is such a call."""
    detail = paths.get(path, {}).get(method)
    return Operation(method, path, detail, False).name if detail else None


def _places(schemas: Mapping[str, Json], operations: Sequence[Operation]) -> dict[str, str]:
    """The module of every schema: that of the only tag which uses it, or a common one."""
    users: dict[str, set[str]] = defaultdict(set)
    for operation in operations:
        waiting = list(_references([operation.detail.get("requestBody"), _success(operation.detail)]))
        seen: set[str] = set()
        while waiting:
            if (name := waiting.pop()) not in seen:
                seen.add(name)
                users[name].add(operation.module)
                waiting += _references(schemas[name])
    return {
        name: tags.copy().pop() if len(tags) == 1 else ENUMS if "enum" in schemas[name] else COMMON
        for name, tags in sorted(users.items())
    }


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(ref := node.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _success(detail: Json) -> Json:
    """The schema of the answer that is no error; empty where there is none."""
    for status, answer in detail["responses"].items():
        if status.startswith("2"):
            content: Json = answer.get("content", {})
            if "application/json" in content:
                schema: Json = content["application/json"].get("schema", {})
                return schema or {"type": "object"}
            return {} if status == "204" else {"type": "string", "format": "binary"}
    return {}


def _type(schema: Json, name: str = "") -> str:
    """A schema as a type expression."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    for union in ("anyOf", "oneOf"):
        if union in schema:
            parts = dict.fromkeys(_type(part, name) for part in schema[union])
            return " | ".join(parts)
    if len(schema.get("allOf", ())) == 1:
        return _type(schema["allOf"][0], name)
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {_type(values)}]" if isinstance(values, dict) and values else "Json"
    if kind == "string" and (schema.get("format") == "password" or name in SECRET_NAMES):
        return "Secret"
    if kind == "string" and schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    return SCALARS.get(str(kind), "Any")


def _models(module: str, names: Sequence[str], schemas: Mapping[str, Json], places: Mapping[str, str]) -> str:
    text = [_docstring(f"What the API takes and answers: {module.replace('_', ' ')}.")]
    text.append("from __future__ import annotations\n")
    text += [
        "from datetime import date, datetime\nfrom typing import Any, Literal\n",
        "from pydantic import Field\n",
    ]
    text.append("from certrail_client.base import Answer, Body, Json, OpenEnum, Secret, default\n")
    used = {ref for name in names for ref in _references(schemas[name])}
    for place in (COMMON, ENUMS):
        if place != module and (shared := sorted(ref for ref in used if places[ref] == place)):
            text.append(f"from certrail_client.models.{place} import {', '.join(shared)}\n")
    for name in names:
        text.append(_model(name, schemas[name]))
    return "\n".join(text)


def _model(name: str, schema: Json) -> str:
    description = schema.get("description") or f"{name}."
    if "enum" in schema and schema.get("type") == "string":
        members = (f"    {_constant(value)} = {value!r}" for value in schema["enum"])
        return "\n".join((f"\nclass {name}(OpenEnum):", _indented(description), "", *members))
    if "properties" not in schema:
        if schema.get("type") != "object":
            return f"\n{name} = {_type(schema)}"
        return f"\n{name} = {_type(schema)}"
    base = "Body" if schema.get("additionalProperties") is False else "Answer"
    lines = [f"\nclass {name}({base}):", _indented(description), ""]
    required = set(schema.get("required", ()))
    for member, inner in schema["properties"].items():
        lines.append(f"    {_field(member, inner, member in required)}")
        if text := inner.get("description"):
            lines.append(_indented(text))
    return "\n".join(lines)


def _field(member: str, schema: Json, required: bool) -> str:
    python = _identifier(member)
    if hasattr(BaseModel, python) or keyword.iskeyword(python):
        python += "_"
    expression = _type(schema, member)
    options = [] if python == member else [f"alias={member!r}"]
    if member == "config":
        options.append("repr=False")  # holds credentials
    if required:
        return f"{python}: {expression}" + (f" = Field({', '.join(options)})" if options else "")
    default = schema.get("default")
    if default is None and "None" not in expression:
        expression += " | None"
    plain = default is None or expression.removesuffix(" | None") in SCALARS.values()
    if plain and not options:
        return f"{python}: {expression} = {default!r}"
    return f"{python}: {expression} = default({', '.join((repr(default), *options))})"


def _api(
    module: str, operations: Sequence[Operation], schemas: Mapping[str, Json], places: Mapping[str, str]
) -> str:
    text = [_docstring(f"Calls: {module.replace('_', ' ')}.")]
    text.append("from datetime import date, datetime\nfrom typing import Any, Literal\n")
    text.append("from certrail_client.base import Json\n")
    text.append("from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped\n")
    used: dict[str, set[str]] = defaultdict(set)
    functions = [_function(operation, schemas) for operation in operations]
    body = "\n".join(functions)
    for name, place in places.items():
        if re.search(rf"\b{name}\b", body):
            used[place].add(name)
    for place, names in sorted(used.items()):
        text.append(f"from certrail_client.models.{place} import {', '.join(sorted(names))}\n")
    return "\n".join((*text, body))


def _function(operation: Operation, schemas: Mapping[str, Json]) -> str:
    detail, arguments, query = operation.detail, [], []
    for name in re.findall(r"{(\w+)}", operation.path):
        nullable = operation.scoped and name == "application"
        arguments.append(f"{name}: str{' | None' if nullable else ''}")
    if body := detail.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        optional = not body.get("required", False) or "None" in _type(schema)
        expression = _type(schema).removesuffix(" | None")
        arguments.append(f"body: {expression} | None = None" if optional else f"body: {expression}")
    parameters = [p for p in detail.get("parameters", ()) if p["in"] == "query"]
    positions = {p["name"] for p in parameters} & {"cursor", "after"}
    if parameters:
        arguments.append("*")
    for parameter in parameters:
        name = _identifier(parameter["name"])
        name += "_" if keyword.iskeyword(name) or name in ("body", "application") else ""
        expression = _type(parameter["schema"])
        expression += "" if "None" in expression or parameter.get("required") else " | None"
        arguments.append(f"{name}: {expression}{'' if parameter.get('required') else ' = None'}")
        query.append(f"{parameter['name']!r}: {name}")
    success = _success(detail)
    expression = _type(success) if success else "None"
    expression = "bytes" if success.get("format") == "binary" else expression
    kind, runtime, more = f"Call[{expression}]", "type(None)" if expression == "None" else expression, ""
    page = schemas.get(expression, {}).get("properties", {})
    if operation.method == "GET" and {"items", "next_cursor"} <= page.keys():
        item = _type(page["items"]).removeprefix("list[").removesuffix("]")
        kind = f"PagedCall[{expression}, {item}]"
        more = f", position={(positions.pop() if positions else 'cursor')!r}"
    keys = {p["name"] for p in detail.get("parameters", ()) if p["in"] == "header"}
    more += ", idempotent=True" if "Idempotency-Key" in keys else ""
    lines = [f"\ndef {operation.name}({', '.join(arguments)}) -> {kind}:"]
    lines.append(_indented(detail.get("description") or detail.get("summary") or operation.name))
    lines.append(f"    path = {_path(operation)}")
    query_text = f", query={{{', '.join(query)}}}" if query else ""
    body_text = ", body=body" if body else ""
    lines.append(
        f"    return {kind.partition('[')[0]}({operation.method!r}, path, {runtime}{query_text}{body_text}{more})"
    )
    return "\n".join(lines)


def _path(operation: Operation) -> str:
    names = re.findall(r"{(\w+)}", operation.path)
    if operation.scoped:
        names.remove("application")
        given = "".join(f", {name}={name}" for name in names)
        return f'scoped(application, "{operation.path.removeprefix(SCOPE)}"{given})'
    given = "".join(f", {name}={name}" for name in names)
    return f'path_of(PREFIX + "{operation.path}"{given})'


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")


def _constant(value: str) -> str:
    name = _identifier(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", value)).upper() or "EMPTY"
    return f"_{name}" if name[0].isdigit() else name


def _docstring(first: str) -> str:
    return f'"""{first}\n\n{NOTE}\n"""\n'


def _indented(text: str) -> str:
    """A docstring, wrapped."""
    lines = wrap(" ".join(text.replace("\\", "\\\\").replace('"""', "'''").split()), 100)
    if len(lines) == 1:
        return f'    """{lines[0]}"""'
    return "\n".join((f'    """{lines[0]}', *(f"    {line}" for line in lines[1:]), '    """'))
