"""Plugin configurations: validated by the plugin's own model, sealed at rest, masked on the way out."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

from pydantic import ValidationError
from sqlmodel import Session

from certrail.domain.errors import BadInput
from certrail.domain.faults import describe_faults
from certrail.persistence.tables import Channel, Connection, CrlMirror, PreviousTarget, Sync
from certrail.plugins.plugin_log import PluginLogger
from certrail.plugins.redaction import Redactor
from certrail.plugins.registry import UnknownPlugin
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.integrations.masking import holds_mask, keep_masked
from certrail.services.integrations.plugin_names import claimed, key_of, require_owner
from certrail.services.integrations.stored_config import (
    Configured,
    own_values_of,
    purpose_of,
    values_of_connection,
)
from certrail_sdk import Config, Context, Destination, Notifier, Plugin, connection_fields

P = TypeVar("P", bound=Plugin[Any])


def destination_class(context: ServiceContext, name: str) -> type[Destination[Any]]:
    """The plugin class, or a refusal a person can act on."""
    try:
        return context.plugins.destination(name)
    except UnknownPlugin as err:
        raise BadInput(str(err), "destination") from None


def notifier_class(context: ServiceContext, name: str) -> type[Notifier[Any]]:
    """The plugin class, or a refusal a person can act on."""
    try:
        return context.plugins.notifier(name)
    except UnknownPlugin as err:
        raise BadInput(str(err), "notifier") from None


def installed(find: Callable[[str], type[P]], name: str) -> type[P] | None:
    """A plugin class of the registry; ``None`` where it is not here, as reading must go on without it."""
    try:
        return find(name)
    except UnknownPlugin:
        return None


def plugin_version(context: ServiceContext, kind: str, name: str) -> str:
    """Name and version of a plugin, as failures and logs name it."""
    return f"{name} {context.plugins.info(kind, name).version}"


def find_connection(session: Session, reference: str) -> Connection:
    """By slug or id. Raises NotFound."""
    return find(session, Connection, reference, "connection")


def validated(
    context: ServiceContext,
    plugin: type[Plugin[Any]],
    config: Mapping[str, Any],
    connection: Connection | None,
) -> Config:
    """The configuration of one plugin object: its own values, and its connection's for connection fields.

    Raises:
        BadInput: naming every wrong field, never its value.
    """
    if plugin.connection_type != (connection.type if connection else None):
        wanted = f"one of type {plugin.connection_type!r}" if plugin.connection_type else "none"
        given = f"{connection.slug!r} is of type {connection.type!r}" if connection else "none is named"
        raise BadInput(
            f"{plugin.name!r} takes a connection, {wanted}; {given}. Product Admins make them.", "connection"
        )
    known = connection_fields(plugin.config_type)
    # Whoever may edit a sync or a channel must not choose which hosts and folders we go to, nor send the
    # connection's credentials there; so not even what the connection leaves at its default can be given.
    if own := sorted(known & config.keys()):
        raise BadInput(f"These fields belong to the connection; leave them out: {', '.join(own)}.", "config")
    shared: dict[str, Any] = {}
    if connection is not None:
        stored = values_of_connection(context, connection, plugin)
        shared = {name: value for name, value in stored.items() if name in known}
    return parse_config(plugin.config_type, {**shared, **config})


def parse_config(model: type[Config], values: Mapping[str, Any]) -> Config:
    """Validate values against a model, with an error a person can act on."""
    try:
        return model.parse(values)
    except ValidationError as err:
        raise config_error(err) from None


def config_error(err: ValidationError) -> BadInput:
    """Every wrong field with what is wrong, without the values."""
    faults = [{"field": field, "message": message} for field, message in describe_faults(err)]
    detail = "; ".join(f"{f['field']}: {f['message']}" for f in faults)
    return BadInput(f"The configuration is wrong. {detail}", faults[0]["field"], errors=faults)


def destination_of(
    context: ServiceContext,
    session: Session,
    row: Sync | CrlMirror,
    subject: str,
    previous_target_id: str | None = None,
) -> Destination[Any]:
    """The plugin object of a sync or a mirror, built for one call.

    Args:
        subject: what the call is for, as the plugin's log lines name it, such as ``delivery 4f1c``.
        previous_target_id: a previous target of the sync, for an object that is still there.
    """
    plugin = destination_class(context, row.destination)
    # Of a previous target too: it has the sync's plugin.
    require_owner(context, row, plugin)
    place = session.get_one(PreviousTarget, previous_target_id) if previous_target_id else row
    return _build(context, session, plugin, place, subject)


def notifier_of(context: ServiceContext, session: Session, channel: Channel, subject: str) -> Notifier[Any]:
    """The plugin object of a channel, built for one call. `subject` is as in `destination_of`."""
    plugin = notifier_class(context, channel.notifier)
    return _build(context, session, plugin, channel, subject)


def built(context: ServiceContext, plugin: type[P], config: Config, subject: str) -> P:
    """A plugin object with a logger that names plugin, version and subject. `subject` is as in `destination_of`."""
    key = key_of(plugin)
    version = context.plugins.info(*key.split("-", 1)).version
    # Its constructor is the plugin's code too, and may log what it was given.
    with Redactor.of(config).in_logs():
        return plugin(config, Context(PluginLogger(key, version, subject)))


def _build(
    context: ServiceContext,
    session: Session,
    plugin: type[P],
    row: Configured,
    subject: str,
) -> P:
    own = own_values_of(context, row, plugin)
    connection = session.get_one(Connection, row.connection_id) if row.connection_id else None
    return built(context, plugin, validated(context, plugin, own, connection), subject)


class PluginSettings(TypedDict):
    """The columns in which a sync, mirror or channel keeps its plugin's configuration."""

    connection_id: str | None
    config_sealed: str
    config_revision: int
    distribution: str


def plugin_settings(
    context: ServiceContext,
    session: Session,
    plugin: type[Plugin[Any]],
    purpose: str,
    config: Mapping[str, Any],
    connection: str | None,
) -> PluginSettings:
    """The configuration of a new sync, mirror or channel, validated and sealed.

    Args:
        connection: slug or id.

    Raises:
        NotFound: no such connection.
        BadInput: they do not fit together.
        ForeignPlugin: the plugin of another distribution is in use under this name.
    """
    distribution = claimed(context, session, plugin)
    link = find_connection(session, connection) if connection else None
    parsed = validated(context, plugin, config, link)
    return PluginSettings(
        connection_id=link.id if link else None,
        config_sealed=context.keyring.seal_json(own_values(parsed, config), purpose),
        config_revision=plugin.config_type.revision,
        distribution=distribution,
    )


def reconfigure(
    context: ServiceContext,
    session: Session,
    plugin: type[Plugin[Any]],
    row: Sync | Channel,
    config: Mapping[str, Any] | Unchanged,
    connection: str | Unchanged | None,
) -> bool:
    """Give a sync or channel another configuration, another connection or both; returns whether one was given.

    Args:
        config: replaces the present one as a whole; a masked value stays as it was.
        connection: slug or id; ``None`` for none.

    Raises:
        NotFound: no such connection.
        BadInput: they do not fit together.
    """
    if config is UNCHANGED and connection is UNCHANGED:
        return False
    if connection is not UNCHANGED:
        row.connection_id = find_connection(session, connection).id if connection else None
    row.config_sealed = _reencrypted(context, session, plugin, row, config)
    row.config_revision = plugin.config_type.revision
    return True


def _reencrypted(
    context: ServiceContext,
    session: Session,
    plugin: type[Plugin[Any]],
    row: Sync | Channel,
    config: Mapping[str, Any] | Unchanged,
) -> str:
    """The configuration of a sync or channel with new values, or with its present ones and another connection.

    Raises:
        BadInput: they do not fit together.
    """
    if config is UNCHANGED:
        own = own_values_of(context, row, plugin)
    else:
        own = keep_masked(config, own_values_of(context, row, plugin) if holds_mask(config) else {})
    connection = session.get_one(Connection, row.connection_id) if row.connection_id else None
    parsed = validated(context, plugin, own, connection)
    return context.keyring.seal_json(own_values(parsed, own), purpose_of(row))


def own_values(config: Config, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values to store with a sync or channel: what was given, in clear, for sealing."""
    revealed = json.loads(json.dumps(config.reveal(), default=str))
    return {name: revealed[name] for name in given}
