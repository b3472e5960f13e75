"""Stored configurations: each sealed for its row, and read at the revision of the installed plugin."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from certrail.crypto.purposes import CHANNEL_PURPOSE, CONNECTION_PURPOSE, SYNC_PURPOSE, of_row
from certrail.domain.errors import AwaitsPlugin, BadInput, OutdatedPlugin
from certrail.persistence.tables import Channel, Connection, CrlMirror, PreviousTarget, Sync
from certrail.plugins.redaction import MASK
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.integrations.masking import masked
from certrail.services.integrations.plugin_names import key_of, require_owner
from certrail_sdk import NewerConfiguration, Plugin, connection_fields

Configured = Sync | Channel | CrlMirror | PreviousTarget
"""A row with the configuration of one plugin; a previous target has the envelope of its sync."""


def sync_purpose(sync_id: str) -> str:
    """Of the envelope of a sync or a mirror."""
    return of_row(SYNC_PURPOSE, sync_id)


def channel_purpose(channel_id: str) -> str:
    """Of the envelope of a channel."""
    return of_row(CHANNEL_PURPOSE, channel_id)


def connection_purpose(connection_id: str) -> str:
    """Of the envelope of a connection."""
    return of_row(CONNECTION_PURPOSE, connection_id)


def purpose_of(row: Configured) -> str:
    """Of the envelope in a row."""
    if isinstance(row, Channel):
        return channel_purpose(row.id)
    return sync_purpose(row.sync_id if isinstance(row, PreviousTarget) else row.id)


def own_values_of(context: ServiceContext, row: Configured, plugin: type[Plugin[Any]]) -> dict[str, Any]:
    """What a sync, mirror or channel stores, as the installed plugin reads it.

    Raises:
        ForeignPlugin: the plugin is that of another distribution, which may not read it.
        OutdatedPlugin: a newer version of the plugin stored it.
        BadInput: the plugin cannot migrate it.
    """
    if not isinstance(row, PreviousTarget):  # its sync was compared
        require_owner(context, row, plugin)
    stored = context.keyring.open_json(row.config_sealed, purpose_of(row))
    return _upgraded(plugin, stored, row.config_revision)


def values_of_connection(
    context: ServiceContext, row: Connection, plugin: type[Plugin[Any]]
) -> dict[str, Any]:
    """What a connection stores, as one of the plugins that share it reads it.

    Raises:
        OutdatedPlugin: a newer version of the plugin stored it.
        BadInput: the plugin cannot migrate it.
    """
    stored = stored_of_connection(context, row)
    # A plugin that was installed later takes the values as they are.
    return _upgraded(plugin, stored, row.config_revisions.get(key_of(plugin), plugin.config_type.revision))


def stored_of_connection(context: ServiceContext, row: Connection) -> dict[str, Any]:
    """What a connection stores, as it was given."""
    stored: dict[str, Any] = context.keyring.open_json(row.config_sealed, connection_purpose(row.id))
    return stored


def shown(context: ServiceContext, row: Configured, plugin: type[Plugin[Any]] | None) -> dict[str, Any]:
    """The configuration of a row with its secrets masked: all of it where the plugin cannot read it or is not here."""
    with suppress(AwaitsPlugin, BadInput):
        if plugin is not None:
            return masked(plugin.config_type, own_values_of(context, row, plugin))
    return masked(None, context.keyring.open_json(row.config_sealed, purpose_of(row)))


def shown_connection(
    context: ServiceContext, row: Connection, plugins: Sequence[type[Plugin[Any]]]
) -> dict[str, Any]:
    """The configuration of a connection with its secrets masked, each field by a plugin that knows it."""
    found, unknown = dict[str, Any](), dict[str, Any]()
    for plugin in plugins:
        with suppress(AwaitsPlugin, BadInput):
            values = masked(plugin.config_type, values_of_connection(context, row, plugin))
            known = connection_fields(plugin.config_type)
            unknown |= dict.fromkeys(values.keys() - known, MASK)
            found = {name: value for name, value in values.items() if name in known} | found
    return {**unknown, **found} or masked(None, stored_of_connection(context, row))


def _upgraded(plugin: type[Plugin[Any]], stored: Mapping[str, Any], revision: int) -> dict[str, Any]:
    try:
        return plugin.config_type.upgrade(stored, revision)
    except NewerConfiguration as newer:
        raise OutdatedPlugin(
            f"The configuration cannot be read by the plugin {plugin.name!r}: {newer}. Install the newer version again."
        ) from None
    except Exception as error:  # of the plugin's own code; its text may hold a secret
        raise BadInput(
            f"The plugin {plugin.name!r} cannot migrate the configuration of revision {revision}:"
            f" {type(error).__name__} at {place(error)}. Give the configuration anew, and report it to its makers.",
            "config",
        ) from None
