"""Connections and plugins."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.domain.errors import NotFound
from certrail_server.api.answers.catalog import connection_answer, plugin_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.integrations import (
    ConnectionChangeIn,
    ConnectionIn,
    ConnectionList,
    ConnectionOut,
    PluginList,
    PluginOut,
    PluginTransferIn,
)

router = APIRouter(tags=["product"])
plugins = APIRouter(prefix="/plugins", tags=["plugins"])
Manage = Annotated[Call, allow(Permission.PRODUCT_MANAGE)]
ReadPlugins = Annotated[Call, allow(Permission.PLUGIN_READ)]


@router.get("/connections")
def list_connections(call: Manage) -> ConnectionList:
    """All connections, their secrets masked; by slug."""
    rows = call.services.connections.list()
    return ConnectionList(items=[connection_answer(call.services, row) for row in rows])


@router.post("/connections", status_code=201)
def create_connection(body: ConnectionIn, call: Manage) -> ConnectionOut:
    """Store credentials for an outside system."""
    connections = call.services.connections
    given = body.model_dump(exclude={"type"})
    row = idempotent(
        lambda: connections.create(call.actor, type_=body.type, **given),
        connections.get,
    )
    return connection_answer(call.services, row)


@router.get("/connections/{connection}")
def get_connection(connection: str, call: Manage) -> ConnectionOut:
    """One connection, its secrets masked."""
    return connection_answer(call.services, call.services.connections.get(connection))


@router.patch("/connections/{connection}")
def update_connection(connection: str, body: ConnectionChangeIn, call: Manage) -> ConnectionOut:
    """Change credentials, their end or their rate limit; what failed with them is tried again."""
    row = call.services.connections.update(call.actor, connection, **body.changes())
    return connection_answer(call.services, row)


@router.delete("/connections/{connection}", status_code=204)
def delete_connection(connection: str, call: Manage) -> None:
    """Delete credentials that nothing uses."""
    call.services.connections.delete(call.actor, connection)


@plugins.get("")
def list_plugins(call: ReadPlugins) -> PluginList:
    """Every plugin with its version, capabilities, configuration schema and health."""
    infos = call.services.context.plugins.all()
    return PluginList(items=plugin_answers(call.services, infos))


@plugins.get("/{kind}/{name}")
def get_plugin(kind: str, name: str, call: ReadPlugins) -> PluginOut:
    """One plugin."""
    for info in call.services.context.plugins.all():
        if (info.kind, info.name) == (kind, name):
            return plugin_answers(call.services, [info])[0]
    raise NotFound("plugin")


@plugins.post("/{kind}/{name}/release", status_code=204)
def release_plugin(kind: str, name: str, call: Manage) -> None:
    """End the quarantine of a plugin: it shares a process with other plugins again."""
    call.services.plugin_faults.release(call.actor, f"{kind}-{name}")


@plugins.post("/{kind}/{name}/transfer", status_code=204)
def transfer_plugin(kind: str, name: str, body: PluginTransferIn, call: Manage) -> None:
    """Give what uses a plugin, with its secrets, to the plugin that another distribution provides under its name.

    Servers and workers use that one once they are started again.
    """
    call.services.plugin_names.transfer(call.actor, f"{kind}-{name}", body.distribution)
