"""The API's description of itself, completed by what FastAPI cannot see."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

BEARER = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token, made by `POST /api/v1/tokens`."}
}
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457, with the members that the kind of problem has.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
REFUSED = {
    "description": "Refused: `detail` says what to change",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same call with the same key makes one object, for 30 days.",
}
PROTECTED = "/api/"
SCOPED = "/api/v1/applications/{application}/"


def operation_id(route: APIRoute) -> str:
    """The name of its function: clients are generated from it, so it changes no more than a path does.

    What is served for each Application and for the legacy scope is told apart below, where all paths are known.
    """
    return f"{route.name} {route.path_format}"


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document. The guard reads path parameters and the bearer token by itself: they are added here."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        components = document.setdefault("components", {})
        components["securitySchemes"] = BEARER
        components.setdefault("schemas", {})["Problem"] = PROBLEM
        _name_operations(document["paths"])
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(path, method, operation)
        app.openapi_schema = document
    return app.openapi_schema


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


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    known = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    for name in re.findall(r"{(\w+)}", path):
        if name not in known:
            schema = {"type": "string", "minLength": 1, "maxLength": 320}
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    operation["responses"].pop("422", None)  # wrong input is answered as a problem, with 400
    operation["responses"]["4XX"] = REFUSED
    if path.startswith(PROTECTED):
        operation["security"] = [{"bearer": []}]
        if method == "post":
            parameters.append(IDEMPOTENCY_KEY)
