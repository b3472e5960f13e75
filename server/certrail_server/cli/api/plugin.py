"""`certrail plugin`."""

from typing import Annotated
from urllib.parse import quote

import typer

from certrail_server.cli.common import fail, out
from certrail_server.cli.local import plugin_author, plugin_new
from certrail_server.cli.support.remote import call

plugin = typer.Typer(no_args_is_help=True)
plugin_new.register(plugin)
plugin_author.register(plugin)


Key = Annotated[str, typer.Argument(help="Kind and name, such as destination-files.")]


@plugin.command("release")
def release(key: Key) -> None:
    """End a plugin's quarantine: it shares a process with other plugins again."""
    call("POST", f"{_path(key)}/release")
    out.print("released")


@plugin.command("transfer")
def transfer(
    key: Key,
    distribution: Annotated[str, typer.Argument(help="Distribution that is to have the name.")],
) -> None:
    """Give what uses a plugin, with its secrets, to the plugin of another distribution.

    Needed when a distribution was renamed: else the one that was used first keeps the name.
    """
    call("POST", f"{_path(key)}/transfer", {"distribution": distribution})
    out.print("transferred; start servers and workers again")


def _path(key: str) -> str:
    kind, joined, name = key.partition("-")
    if not joined or not name:
        fail(f"{key} is no plugin: give kind and name, such as destination-files; see: certrail plugins")
    return f"/plugins/{quote(kind, safe='')}/{quote(name, safe='')}"
