"""Connections: credentials of outside systems, with a check."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import Permission
from certrail.domain.errors import NotFound
from certrail.plugins.registry import READY, PluginInfo
from certrail_server.api.answers.catalog import connection_answer
from certrail_server.api.checks import check_plugin
from certrail_server.api.guard import Call, allow
from certrail_server.console.forms import form_of
from certrail_server.console.page import Page, page_router

router = page_router("/connections")
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]


@router.get("")
def list_connections(request: Request, call: Manage) -> Response:
    """All connections, by slug."""
    rows = call.services.connections.list()
    return Page(request, call).render(
        "connections/list.html", connections=[connection_answer(call.services, row) for row in rows]
    )


@router.get("/{connection}")
def get_connection(request: Request, connection: str, call: Manage) -> Response:
    """One connection, its secrets masked."""
    found = connection_answer(call.services, call.services.connections.get(connection))
    return Page(request, call).render(
        "connections/show.html", connection=found, plugins=_takers(call, found.type)
    )


@router.post("/{connection}/check")
async def check(request: Request, connection: str, call: Manage) -> Response:
    """Check that the other side takes the credentials, by a plugin that takes the connection."""
    services = call.services
    row = await run_in_threadpool(services.connections.get, connection)
    wanted = form_of(request).get("plugin")
    plugin = next((info for info in _takers(call, row.type) if info.key == wanted), None)
    if plugin is None:
        raise NotFound("plugin that takes this connection and can check it alone", wanted)
    trial = services.syncs.trial if plugin.kind == "destination" else services.channels.trial
    await check_plugin(services, f"connection {row.id}", partial(trial, plugin.name, {}, row.id))
    return Page(request, call).go_back(f"/console/connections/{row.slug}", "checked")


def _takers(call: Call, type_: str) -> Sequence[PluginInfo]:
    """The plugins that take a connection of this type, and need nothing else to check it."""
    return [
        info
        for info in call.services.context.plugins.all()
        if info.state == READY
        and info.connection_type == type_
        and info.kind in ("destination", "notifier")
        and not set(info.config_schema.get("required", ())) - set(info.config_schema["x-connection-fields"])
    ]
