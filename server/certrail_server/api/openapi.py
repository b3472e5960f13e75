"""The API's description of itself, completed by what FastAPI cannot see."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from certrail.domain.durations import format_duration
from certrail_server.api.schemas.base import In, Out, Problem, examples_of

BEARER = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token, made by `POST /api/v1/tokens`."}
}
REFUSED = {
    "description": "Refused: `detail` says what to change",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
FAILED = {
    **REFUSED,
    "description": "Failed: the database did not answer, or there is a bug, which the log has",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same call with the same key makes one object, for 30 days.",
}
PROTECTED = "/api/"
REFERENCE = "#/components/schemas/{model}"
NAMED = {
    "application": "Slug or id of the Application.",
    "approval_id": "Id of the approval request.",
    "ca": "Slug or id of the certificate authority.",
    "certificate_id": "Id of the certificate.",
    "delivery_id": "Id of the delivery.",
    "group": "Slug or id of the group.",
    "incident_id": "Id of the incident.",
    "key": "SHA-256 of the authority's public key (SubjectPublicKeyInfo), hex.",
    "kind": "Kind of the plugin: destination, notifier or issuer.",
    "machine_identity": "Slug or id of the machine identity.",
    "mirror": "Slug of the mirror.",
    "name": "Name of the plugin.",
    "notification_id": "Id of the notification.",
    "principal": "Slug, id or e-mail address of the user, group or machine identity.",
    "question": "The OCSP request, DER in base64.",
    "request_id": "Id of the certificate request.",
    "retirement_id": "Id of the retirement.",
    "saved_search": "Slug or id of the saved search.",
    "saved_view": "Id of the saved view.",
    "token": "Id of the token.",
    "user": "Slug, id or e-mail address of the user.",
}
"""What path parameters mean; any other one is the slug or id of what it is named after."""
SCOPED = "/api/v1/applications/{application}/"


def operation_id(route: APIRoute) -> str:
    """The name of its function: clients are generated from it, so it changes no more than a path does.

    What is served for each Application and for the legacy scope is told apart below, where all paths are known.
    """
    return f"{route.name} {route.path_format}"


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document. The guard reads path parameters and the bearer token by itself: they are added here."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        components = document.setdefault("components", {})
        components["securitySchemes"] = BEARER
        schemas = components["schemas"]
        for name, schema in models_json_schema([(Problem, "validation")], ref_template=REFERENCE)[1][
            "$defs"
        ].items():
            schemas[name] = schema
        _complete_properties(schemas)
        # Wrong input is answered with a problem; what FastAPI declares for it is never sent.
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        _name_operations(document["paths"])
        creates = _creates(app)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(path, operation)
                if (path, method) in creates:
                    operation["parameters"].append(IDEMPOTENCY_KEY)
        app.openapi_schema = document
    return app.openapi_schema


def _complete_properties(schemas: dict[str, Any]) -> None:
    """What Pydantic leaves out, or writes in another form than the API does."""
    models = {model.__name__: model for base in (In, Out) for model in _below(base)}
    for name, schema in schemas.items():
        if name not in models:
            continue
        if "examples" in schema:
            # FastAPI drops null from them, which means "cleared" in a PATCH, and Pydantic sorts their members.
            schema["examples"] = examples_of(models[name])
        for member, detail in schema.get("properties", {}).items():
            field = models[name].model_fields[member]
            # Dropped where a schema is a bare reference; 3.1 allows both.
            detail.setdefault("description", field.description)
            if isinstance(field.default, timedelta):
                detail["default"] = format_duration(field.default)


def _below(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _below(model)


def _name_operations(paths: dict[str, dict[str, Any]]) -> None:
    """One name each: what is served for an Application, too, gets a suffix outside of one."""
    names = {
        (path, method): operation["operationId"].partition(" ")[0]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    for (path, method), name in names.items():
        twin = path.replace("/api/v1/", SCOPED, 1)
        legacy = twin != path and names.get((twin, method)) == name
        paths[path][method]["operationId"] = f"{name}_in_legacy_scope" if legacy else name


def _creates(app: FastAPI) -> set[tuple[str, str]]:
    """The calls that make one object for one Idempotency-Key: their functions call `idempotent`."""
    return {
        (context.path, "post")
        for context in iter_route_contexts(app.routes)
        if context.path is not None
        and "POST" in (context.methods or ())
        and "idempotent"
        in getattr(getattr(context, "endpoint", None), "__code__", describe.__code__).co_names
    }


def _complete(path: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    known = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    for name in re.findall(r"{(\w+)}", path):
        if name not in known:
            schema = {"type": "string", "minLength": 1, "maxLength": 320}
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    for parameter in parameters:
        if parameter["in"] == "path":
            meaning = NAMED.get(
                parameter["name"], f"Slug or id of the {parameter['name'].replace('_', ' ')}."
            )
            parameter["description"] = meaning
    operation["responses"].pop("422", None)  # wrong input is answered as a problem, with 400
    operation["responses"] |= {"4XX": REFUSED, "5XX": FAILED}
    if path.startswith(PROTECTED):
        operation["security"] = [{"bearer": []}]
