"""`certrail plugins`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from certrail_server.cli.common import out
from certrail_server.cli.local.installation import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from certrail.plugins.registry import PluginInfo
    from certrail_server.settings import Settings


def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """List plugins with version, capabilities and state; a broken or quarantined one with the reason."""
    from certrail.plugins.conformance import level_of
    from certrail.plugins.probe import ImportProbe
    from certrail.plugins.registry import PluginRegistry

    chosen = settings()
    probe = ImportProbe(chosen.plugin_probe_path())
    found = PluginRegistry.discover(chosen.disabled_plugins, probe, _used(chosen)).all()
    faults = _faults(chosen)
    # The fault of a plugin that is not here is shown too: another machine may have it.
    here = {info.key for info in found}
    found += [_absent(key, fault) for key, fault in faults.items() if key not in here]
    if as_json:
        rows = [
            asdict(info)
            | {"fault": faults.get(info.key), "level": level_of(info.key, info.distribution, info.version)}
            for info in found
        ]
        typer.echo(json.dumps(rows, indent=2, default=str))
        return
    table = Table("kind", "name", "version", "state", "level", "capabilities", "reason")
    for info in found:
        fault = faults.get(info.key)
        state = fault["state"] if fault and info.state == "ready" else info.state
        colour = "green" if state == "ready" else "red"
        table.add_row(
            info.kind,
            info.name,
            info.version,
            f"[{colour}]{state}[/{colour}]",
            level_of(info.key, info.distribution, info.version),
            ", ".join(info.capabilities),
            escape(info.described or (fault["reason"] if fault else "")),
        )
    out.print(table)


def _used(chosen: "Settings") -> "Mapping[str, str]":
    """The distributions whose plugins are in use; without a database that can be read, none."""
    from certrail.persistence.database import Database
    from certrail.services.integrations.plugin_names import used_distributions

    if not chosen.has_data():
        return {}
    database = Database(chosen.database())
    try:
        return used_distributions(database)
    finally:
        database.close()


def _faults(chosen: "Settings") -> "dict[str, dict[str, Any]]":
    """The open faults by plugin; without a database that can be read, none are known."""
    from sqlalchemy.exc import SQLAlchemyError

    from certrail.persistence.database import Database
    from certrail.services.integrations.plugin_faults import described, open_faults

    if not chosen.has_data():
        return {}
    database = Database(chosen.database())
    try:
        rows = open_faults(database)
    except SQLAlchemyError:
        return {}
    finally:
        database.close()
    return {
        key: row.model_dump()
        | {"state": "quarantined" if row.quarantined_at else "faulty", "reason": described(row)}
        for key, row in sorted(rows.items())
    }


def _absent(key: str, fault: "dict[str, Any]") -> "PluginInfo":
    from certrail.plugins.registry import PluginInfo

    kind, _, name = key.partition("-")
    return PluginInfo(name, kind, "", fault["version"], "not installed")
