"""`certrail plugin`."""

from typing import Annotated
from urllib.parse import quote

import typer

from certrail_server.cli.common import fail, out
from certrail_server.cli.support.remote import call

plugin = typer.Typer(help="Plugins: their quarantine.", no_args_is_help=True)


@plugin.command("release")
def release(
    key: Annotated[str, typer.Argument(help="Kind and name, such as destination-files.")],
) -> None:
    """End a plugin's quarantine: it shares a process with other plugins again."""
    kind, joined, name = key.partition("-")
    if not joined or not name:
        fail(f"{key} is no plugin: give kind and name, such as destination-files; see: certrail plugins")
    call("POST", f"/plugins/{quote(kind, safe='')}/{quote(name, safe='')}/release")
    out.print("released")
