"""A new connection, by a form that the schemas of the plugins give."""

from typing import Annotated

from fastapi import Query, Request, Response

from certrail.domain.access import Permission
from certrail.domain.errors import CertrailError, NotFound
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.integrations import ConnectionIn
from certrail_server.console.forms import Form, form_of, once
from certrail_server.console.inputs import faults_of, read
from certrail_server.console.page import Page, page_router
from certrail_server.console.plugin_form import connection_fields_of, connection_types
from certrail_server.console.schema_form import values_of

router = page_router("/new-connection")
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]


@router.get("")
def get_form(request: Request, call: Manage, type: Annotated[str, Query(max_length=64)] = "") -> Response:
    """Choose a type; then its form."""
    return _shown(request, call, type, Form({}))


@router.post("", openapi_extra={"offers": "create_connection"})
def create(request: Request, call: Manage) -> Response:
    """Store credentials; a form that is refused is shown again, without its secrets."""
    form, connections, actor = form_of(request), call.services.connections, once(request, call.actor)
    type_ = form.get("type")
    plugins = connection_types(call.services).get(type_)
    if not plugins:
        raise NotFound("type of connection", type_)
    try:
        given = form.given("slug", "name", "expires_at", "max_per_minute")
        config = values_of(connection_fields_of(plugins), form)
        body = read(ConnectionIn, {**given, "type": type_, "config": config})
        made = idempotent(
            lambda: connections.create(actor, type_=type_, **body.model_dump(exclude={"type"})),
            connections.get,
        )
    except CertrailError as refusal:
        return _shown(request, call, type_, form, refusal)
    return Page(request, call).go(f"/console/connections/{made.slug}", "created")


def _shown(
    request: Request, call: Call, type_: str, form: Form, refusal: CertrailError | None = None
) -> Response:
    types = connection_types(call.services)
    return Page(request, call).render(
        "connections/new.html",
        refusal.status if refusal else 200,
        types=[(name, ", ".join(info.title for info in types[name])) for name in sorted(types)],
        chosen=type_ if type_ in types else "",
        fields=connection_fields_of(types.get(type_, ())),
        given=form,
        refusal=refusal,
        faults=faults_of(refusal),
    )
