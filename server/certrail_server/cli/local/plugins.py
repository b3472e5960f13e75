"""`certrail plugins`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from certrail_server.cli.common import out
from certrail_server.cli.local.installation import settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plugins")(list_plugins)


def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """List plugins with version, capabilities and state; a broken one with the reason."""
    from certrail.plugins.registry import PluginRegistry

    found = PluginRegistry.discover(settings().disabled_plugins).all()
    if as_json:
        typer.echo(json.dumps([asdict(info) for info in found], indent=2))
        return
    table = Table("kind", "name", "version", "state", "capabilities", "reason")
    for info in found:
        colour = "green" if info.state == "ready" else "red"
        table.add_row(
            info.kind,
            info.name,
            info.version,
            f"[{colour}]{info.state}[/{colour}]",
            ", ".join(info.capabilities),
            info.reason,
        )
    out.print(table)
