"""The `certrail` command."""

import typer

from certrail_server.cli import access, operate, plugins, run

app = typer.Typer(
    name="certrail", no_args_is_help=True, add_completion=True, pretty_exceptions_show_locals=False
)
run.register(app)
operate.register(app)
plugins.register(app)
app.add_typer(access.app, name="token")

__all__ = ["app"]
