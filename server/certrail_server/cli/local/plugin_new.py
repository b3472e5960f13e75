"""`certrail plugin new`: the package of a new plugin."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import fail, out

INSTALL = ".venv/bin/pip install --editable '.[testing]'"


class Kind(StrEnum):
    """Kinds of plugins that can be begun."""

    DESTINATION = "destination"
    NOTIFIER = "notifier"


def register(plugin: typer.Typer) -> None:
    """Add the command."""
    plugin.command("new")(new)


def new(
    kind: Annotated[Kind, typer.Argument(help="What it is.")],
    name: Annotated[str, typer.Argument(help="Lower-case words joined by -, such as acme-cdn.")],
    directory: Annotated[
        Path, typer.Option(help="Folder in which the package's own folder is made.")
    ] = Path(),
) -> None:
    """Write the package of a new plugin: typed, tested, and installable at once."""
    from certrail_server.plugin_package import Unfit, create

    try:
        folder = create(kind, name, directory)
    except Unfit as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"The package cannot be written to {directory}: {problem.strerror}.")
    out.print(
        f"{folder} is a plugin. Its tests pass; replace the folder that it writes to by your system. Next:",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for command in (f"cd {folder}", "python3.11 -m venv .venv", INSTALL, ".venv/bin/pytest"):
        out.print(f"  {command}", highlight=False, markup=False, soft_wrap=True)
