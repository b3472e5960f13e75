"""The `certrail` command."""

from typing import Annotated

import typer

from certrail_server.cli.api import (
    alert,
    application,
    approval,
    authority,
    certificate,
    channel,
    connection,
    delivery,
    login,
    notification,
    plugin,
    policy,
    principal,
    profile,
    request,
    revocation,
    sync,
    view,
)
from certrail_server.cli.local import audit, backup, keyring, migration, operate, plugins, run, token

app = typer.Typer(
    name="certrail", no_args_is_help=True, add_completion=True, pretty_exceptions_show_locals=False
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"certrail {version('certrail')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Issue, deliver, renew and revoke certificates."""


run.register(app)
operate.register(app)
plugins.register(app)
login.register(app)
principal.register(app)
for group, name in (
    (token.app, "token"),
    (audit.app, "audit"),
    (backup.app, "backup"),
    (keyring.app, "keyring"),
    (migration.app, "migration"),
    (authority.ca, "ca"),
    (policy.policy, "policy"),
    (profile.profile, "profile"),
    (application.app, "app"),
    (application.member, "member"),
    (request.request, "request"),
    (certificate.cert, "cert"),
    (revocation.revocation, "revocation"),
    (view.view, "view"),
    (approval.policy, "approval-policy"),
    (approval.approval, "approval"),
    (connection.connection, "connection"),
    (plugin.plugin, "plugin"),
    (sync.sync, "sync"),
    (delivery.delivery, "delivery"),
    (delivery.retirement, "retirement"),
    (channel.channel, "channel"),
    (alert.alert, "alert"),
    (notification.incident, "incident"),
    (notification.notification, "notification"),
):
    app.add_typer(group, name=name)

__all__ = ["app"]
