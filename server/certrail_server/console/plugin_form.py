"""What a person chooses and fills in to use a plugin: the plugin, its connection, and the plugin's own settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from certrail.domain.errors import NotFound
from certrail.plugins.registry import READY, PluginInfo
from certrail.services.facade import Services
from certrail_server.console.schema_form import SchemaField, fields_of


@dataclass(frozen=True)
class PluginForm:
    """A chosen plugin with the controls of its own settings.

    Attributes:
        connections: slugs and names of those that it can take.
    """

    plugin: PluginInfo
    fields: Sequence[SchemaField]
    connections: Sequence[tuple[str, str]]


def choices_of(services: Services, kind: str) -> Sequence[PluginInfo]:
    """The plugins of a kind that can be used, by their title."""
    found = [info for info in services.context.plugins.all() if info.kind == kind and info.state == READY]
    return sorted(found, key=lambda info: info.title)


def plugin_form(services: Services, kind: str, name: str) -> PluginForm:
    """The form of one plugin. Raises NotFound."""
    info = next((info for info in choices_of(services, kind) if info.name == name), None)
    if info is None:
        raise NotFound(f"{kind} plugin", name)
    own = set(info.config_schema.get("properties", ())) - set(info.config_schema["x-connection-fields"])
    connections = [
        (row.slug, row.name) for row in services.connections.list() if row.type == info.connection_type
    ]
    return PluginForm(info, fields_of(info.config_schema, own), connections)


def connection_types(services: Services) -> Mapping[str, Sequence[PluginInfo]]:
    """By type of connection: the plugins that take it."""
    found: dict[str, list[PluginInfo]] = {}
    for info in services.context.plugins.all():
        if info.state == READY and info.connection_type:
            found.setdefault(info.connection_type, []).append(info)
    return found


def connection_fields_of(plugins: Sequence[PluginInfo]) -> Sequence[SchemaField]:
    """The controls of a connection that all of these plugins take; of the same setting, one."""
    found: dict[str, Any] = {}
    for info in plugins:
        for field in fields_of(info.config_schema, info.config_schema["x-connection-fields"]):
            if field.name not in found or field.required:
                found[field.name] = field
    return sorted(found.values(), key=lambda field: not field.required)
