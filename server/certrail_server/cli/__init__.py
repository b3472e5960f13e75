"""The `certrail` command."""

import typer

from certrail_server.cli import access, audit, keyring, operate, plugins, run

app = typer.Typer(
    name="certrail", no_args_is_help=True, add_completion=True, pretty_exceptions_show_locals=False
)
run.register(app)
operate.register(app)
plugins.register(app)
app.add_typer(access.app, name="token")
app.add_typer(audit.app, name="audit")
app.add_typer(keyring.app, name="keyring")

__all__ = ["app"]
