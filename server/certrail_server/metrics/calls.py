"""Counts and times HTTP calls by their route, so that no caller makes a label of their own."""

import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from certrail_server.metrics.registry import MetricsRegistry

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
NO_ROUTE = "none"
"""Of calls that no route takes, or that are refused before their route is looked up."""
UNANSWERED = 500
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
"""In a path, with its converter, such as ``{question:path}``."""

Templates = Mapping[tuple[Any, frozenset[str]], str]


class MeasuredCalls:
    """The outermost middleware; does nothing in an application without metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._templates: Templates | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, and count it once its answer is complete."""
        registry: MetricsRegistry | None = (
            scope["app"].state.metrics_registry if scope["type"] == "http" else None
        )
        if registry is None:
            await self._app(scope, receive, send)
            return
        status, began = UNANSWERED, perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route = self._template(scope)
            registry.calls.labels(method, route, str(status)).inc()
            registry.call_seconds.labels(method, route).observe(perf_counter() - began)

    def _template(self, scope: Scope) -> str:
        if self._templates is None:
            self._templates = templates(scope["app"])
        key = scope.get("endpoint"), frozenset(scope.get("path_params", ()))
        return self._templates.get(key, NO_ROUTE)


def templates(app: FastAPI) -> Templates:
    """Path templates by endpoint and names of parameters: the same endpoint is served below several prefixes."""
    found: dict[tuple[Any, frozenset[str]], str] = {}
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        if dependant is None or context.path is None:
            continue
        found[dependant.call, frozenset(PARAMETER.findall(context.path))] = PARAMETER.sub(
            r"{\1}", context.path
        )
    return found
