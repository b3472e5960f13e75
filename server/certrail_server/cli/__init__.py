"""The `certrail` command."""

from importlib.metadata import version
from typing import Annotated

import typer

from certrail_server.cli import (
    access,
    audit,
    certificates,
    deciding,
    delivering,
    keyring,
    migration,
    operate,
    people,
    plugins,
    product,
    requests,
    run,
    team,
    telling,
    views,
)

app = typer.Typer(
    name="certrail", no_args_is_help=True, add_completion=True, pretty_exceptions_show_locals=False
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"certrail {version('certrail')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Certificates, from request to everywhere they are used."""


run.register(app)
operate.register(app)
plugins.register(app)
people.register(app)
app.add_typer(access.app, name="token")
app.add_typer(audit.app, name="audit")
app.add_typer(keyring.app, name="keyring")
app.add_typer(migration.app, name="migration")
for group, name in (
    (product.ca, "ca"),
    (product.policy, "policy"),
    (product.profile, "profile"),
    (team.app, "app"),
    (team.member, "member"),
    (requests.request, "request"),
    (certificates.cert, "cert"),
    (views.view, "view"),
    (deciding.policy, "approval-policy"),
    (deciding.approval, "approval"),
    (delivering.connection, "connection"),
    (delivering.sync, "sync"),
    (delivering.delivery, "delivery"),
    (delivering.retirement, "retirement"),
    (telling.channel, "channel"),
    (telling.alert, "alert"),
    (telling.incident, "incident"),
    (telling.notification, "notification"),
):
    app.add_typer(group, name=name)

__all__ = ["app"]
