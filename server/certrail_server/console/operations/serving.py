"""Routes of operations: the page with the form, and what the form is sent to."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from certrail.domain.errors import CertrailError, Conflict, NotFound
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, read
from certrail_server.console.operations.operation import Operation, Params, Shown
from certrail_server.console.page import Page, page_router
from certrail_server.console.plugin_form import connection_fields_of, connection_types, plugin_form
from certrail_server.console.schema_form import (
    Model,
    SchemaField,
    fields_of,
    filled,
    values_of,
    with_masks,
)

CONFIG = "config"
EMPTY = Form({})
CLEARED: Mapping[str, Any] = {"several": [], "lines": [], "rows": [], "pairs": {}, "text": ""}
"""What a control says that was emptied, where null is not allowed."""


@dataclass(frozen=True)
class Asked:
    """What a form asks for now.

    Attributes:
        fields: of the body of the operation.
        settings: of the plugin or the connection.
        current: what is there, in JSON; empty where something new is made.
        seen: a digest of it.
    """

    fields: Sequence[SchemaField]
    settings: Sequence[SchemaField]
    current: Mapping[str, Any]
    seen: str

    def form(self) -> Form:
        """A form that shows what is there."""
        config = self.current.get(CONFIG) or {}
        return Form({**filled(self.fields, self.current), **filled(self.settings, config)})


def router_of(operations: Iterable[Operation]) -> APIRouter:
    """A router with two routes for each."""
    router = page_router("")
    for operation in operations:
        _add(router, operation)
    return router


def _add(router: APIRouter, operation: Operation) -> None:
    permission = operation.permission

    def show(
        request: Request,
        call: Annotated[Call, allow(permission)],
        choice: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        asked = _asked(operation, request, call, choice)
        return _page(operation, request, call, asked, asked.form(), choice)

    def send(request: Request, call: Annotated[Call, allow(permission)]) -> Response:
        form = form_of(request)
        call = replace(call, actor=once(request, call.actor))
        choice = form.get("choice")
        asked = _asked(operation, request, call, choice)
        try:
            params = {**request.path_params, "confirm": form.get("confirm"), "choice": choice}
            done = operation.perform(call, params, _body(operation, asked, form, params))
        except CertrailError as refusal:
            if refusal.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise
            return _page(operation, request, call, asked, form, choice, refusal=refusal)
        if isinstance(done, Shown):
            return _page(operation, request, call, asked, EMPTY, choice, shown=done)
        return Page(request, call).go(done, operation.notice)

    show.__doc__ = f"{operation.title}: the form."
    send.__doc__ = f"{operation.title}."
    router.add_api_route(operation.path, show, methods=["GET"])
    router.add_api_route(operation.path, send, methods=["POST"], openapi_extra={"offers": operation.api})


def _asked(operation: Operation, request: Request, call: Call, choice: str) -> Asked:
    """What is asked for. Raises NotFound for what is changed, or for the plugin."""
    params: Params = request.path_params
    found = operation.current(call, params) if operation.current else None
    current = found.model_dump(mode="json") if found is not None else {}
    seen = _digest(operation, current)
    if operation.model is None or (operation.choose and not choice):
        return Asked((), (), current, seen)
    schema = operation.model.model_json_schema()
    options = dict(operation.options(call, params))
    settings: Sequence[SchemaField] = ()
    if operation.plugin:
        plugin = plugin_form(call.services, *operation.plugin(found, choice))
        settings, options["connection"] = plugin.fields, plugin.connections
    elif operation.connection_type:
        type_ = operation.connection_type(found)
        plugins = connection_types(call.services).get(type_)
        if not plugins:
            raise NotFound("type of connection", type_)
        settings = connection_fields_of(plugins)
    left_out = {*operation.leave_out, operation.chosen, *((CONFIG,) if _has_config(operation) else ())}
    names = [name for name in schema["properties"] if name not in left_out]
    model = Model(options, operation.groups)
    return Asked(fields_of(schema, names, model, prefix=""), settings, current, seen)


def _has_config(operation: Operation) -> bool:
    return bool(operation.plugin or operation.connection_type)


def _digest(operation: Operation, current: Mapping[str, Any]) -> str:
    """Of what the form changes, or of what is deleted; not of a state that changes by itself."""
    members = (
        operation.model.model_fields if operation.model and not operation.danger else ("id", "slug", "name")
    )
    said = {name: current.get(name) for name in members}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _body(operation: Operation, asked: Asked, form: Form, params: Params) -> Any:
    """The body of the call. Raises BadInput, or Conflict where something else is there than the form was made of."""
    if operation.current and form.get("seen") != asked.seen:
        raise Conflict(
            "Somebody changed it since this form was opened, so nothing was saved. What you typed is here still;"
            " compare it with what is set now, and send it again.",
            kind="changed-meanwhile",
        )
    if operation.model is None:
        return None
    values = values_of(asked.fields, form)
    if operation.chosen:
        values[operation.chosen] = params["choice"]
    values |= {name: params[name] for name in operation.leave_out if name in params}
    if _has_config(operation):
        given = values_of(asked.settings, form)
        values[CONFIG] = with_masks(asked.settings, given, asked.current.get(CONFIG) or {})
    if operation.current and not operation.whole:
        values = _changes(operation, asked, values)
    if operation.whole:
        required = operation.model.model_json_schema().get("required", ())
        values = {
            **{field.name: None for field in asked.fields if field.nullable and field.name in required},
            **values,
        }
    return read(operation.model, values)


def _changes(operation: Operation, asked: Asked, values: Mapping[str, Any]) -> dict[str, Any]:
    """The members that say something else than what is there; what was emptied is cleared."""
    shown = asked.form()
    before = values_of(asked.fields, shown)
    config = asked.current.get(CONFIG) or {}
    if _has_config(operation):
        before[CONFIG] = with_masks(asked.settings, values_of(asked.settings, shown), config)
    found = {name: value for name, value in values.items() if value != before.get(name)}
    for field in asked.fields:
        name = field.name.partition(".")[0]
        if name in before and name not in values:
            is_group = "." in field.name
            cleared: Any = {} if is_group else CLEARED.get(field.kind, "")
            found[name] = None if (name in operation.groups if is_group else field.nullable) else cleared
    return found


def _page(
    operation: Operation,
    request: Request,
    call: Call,
    asked: Asked,
    form: Form,
    choice: str,
    *,
    refusal: CertrailError | None = None,
    shown: Shown | None = None,
) -> Response:
    params: Params = request.path_params
    page = ApplicationPage(request, call) if operation.in_application else Page(request, call)
    conflict = refusal is not None and refusal.kind == "changed-meanwhile"
    return page.render(
        "operations/form.html",
        refusal.status if refusal else 200,
        layout="application.html" if operation.in_application else "base.html",
        operation=operation,
        parent=operation.parent(call, params),
        choices=operation.choose[1](call) if operation.choose and not choice else (),
        choice=choice,
        fields=[*asked.fields, *asked.settings],
        is_change=operation.current is not None,
        name=asked.current.get("name") or asked.current.get("slug") or "",
        facts=operation.facts(call, params) if operation.facts and not shown else None,
        seen=asked.seen,
        now=_now_set(asked, form) if conflict else (),
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
        shown=shown,
    )


def _now_set(asked: Asked, form: Form) -> Sequence[tuple[str, str]]:
    """What is set now and differs from what the form says, by the label of its control."""
    now = asked.form()
    found = []
    for field in (*asked.fields, *asked.settings):
        here, typed = _said(now, field), _said(form, field)
        if here != typed and field.kind not in ("secret", "long-secret"):
            found.append((field.label, "\n".join(text for text in here if text) or "nothing"))
    return found


def _said(form: Form, field: SchemaField) -> Sequence[str]:
    """All that a form says of one control, its rows in their order."""
    names = (name for name in form.fields if name == field.sent or name.startswith(f"{field.sent}."))
    return [text.replace("\r\n", "\n") for name in sorted(names) for text in form.all(name)]
