"""The `certrail` command."""

from typing import Annotated

import typer

from certrail_server.cli.lazy import Entry, LazyGroup

SECTIONS: dict[str, dict[str, Entry]] = {
    "Run certrail on this machine": {
        "dev": Entry(
            "local.run:dev", "Run everything on this machine: Temporal's dev server, the server and a worker."
        ),
        "server": Entry("local.run:server", "Serve the HTTP API and chat callbacks."),
        "worker": Entry(
            "local.run:worker",
            "Run a worker for workflows and plugins, as a process for flows and processes for plugins.",
        ),
        "console": Entry(
            "local.run:console",
            "Make a link on the data of this machine that signs a browser in once, within 10 minutes.",
        ),
        "migrate": Entry(
            "local.operate:migrate_database", "Migrate the database to the schema of this version."
        ),
        "doctor": Entry(
            "local.operate:doctor",
            "Check the installation and say how to mend what is wrong; exit code 1 when something is.",
        ),
        "plugins": Entry(
            "local.plugins:list_plugins",
            "List plugins with version, capabilities and state; a broken or quarantined one with the reason.",
        ),
        "audit": Entry("local.audit:app", "The audit log: verify and export it."),
        "backup": Entry("local.backup:app", "Backups of the database, and their restore to another place."),
        "keyring": Entry("local.keyring:app", "The keys that encrypt stored secrets."),
        "migration": Entry("local.migration:app", "Bring projects from before Applications existed."),
    },
    "Sign in": {
        "login": Entry(
            "api.login:login",
            "Sign in through the OpenID Connect provider of a certrail server, and store an access token.",
        ),
        "logout": Entry("api.login:logout", "Revoke the stored access token, and remove it."),
        "me": Entry("api.principal:me", "Show who you are, and the permissions of your token."),
        "token": Entry(
            "local.token:app",
            "Access tokens. With CERTRAIL_TOKEN these commands call a running certrail; without it, bootstrap, create"
            " and revoke work on the data of this machine.",
        ),
    },
    "Certificates": {
        "request": Entry("api.request:request", "Certificate requests."),
        "cert": Entry("api.certificate:cert", "Certificates."),
        "revocation": Entry(
            "api.revocation:revocation", "Revocation requests: revocations that an approval policy guards."
        ),
        "view": Entry("api.view:view", "Saved searches of certificates."),
    },
    "Delivery": {
        "sync": Entry("api.sync:sync", "Syncs: which certificates are deployed, and where."),
        "delivery": Entry(
            "api.delivery:delivery", "Deliveries: the state of each certificate at each destination."
        ),
        "probe": Entry(
            "api.delivery:probe", "Probes: whether services present the certificates that belong there."
        ),
        "retirement": Entry(
            "api.delivery:retirement", "Retirements: planned and past removals of objects from destinations."
        ),
        "connection": Entry(
            "api.connection:connection",
            "Connections: addresses and credentials that syncs and channels share.",
        ),
    },
    "Approvals and alerts": {
        "approval": Entry("api.approval:approval", "Approval requests and votes."),
        "approval-policy": Entry("api.approval:policy", "Approval policies: what needs votes, and whose."),
        "alert": Entry("api.alert:alert", "Alerts: which events become messages, and to which channels."),
        "channel": Entry("api.channel:channel", "Channels: where messages and requests for approval go."),
        "notification": Entry("api.notification:notification", "Notifications: messages to channels."),
        "incident": Entry(
            "api.notification:incident", "Incidents: failures from their first event to their resolution."
        ),
    },
    "Applications and people": {
        "app": Entry(
            "api.application:app",
            "Applications: services or workloads with members, certificates and rules of their own.",
        ),
        "member": Entry("api.application:member", "Members of an Application."),
        "user": Entry("api.principal:users", "Users: people."),
        "machine": Entry("api.principal:machines", "Machine identities: services with tokens."),
        "group": Entry("api.principal:group", "Groups of users and machine identities."),
    },
    "Authorities and rules": {
        "ca": Entry("api.authority:ca", "Certificate authorities."),
        "policy": Entry("api.policy:policy", "Certificate policies: what may be requested."),
        "profile": Entry("api.profile:profile", "Certificate profiles: CA, policy and defaults."),
        "enrollment": Entry(
            "enrollment.commands:enrollment",
            "Enrollment by ACME, EST and SCEP: URLs, settings, secrets of clients.",
        ),
        "plugin": Entry("api.plugin:plugin", "Plugins: begin one, end a quarantine, transfer a name."),
    },
}
"""The commands of `certrail` in the order in which they are listed."""


class Commands(LazyGroup):
    """The commands of `certrail`."""

    sections = SECTIONS


# Without rich's help: it would take longer to import than everything else that `certrail --help` needs.
app = typer.Typer(
    name="certrail",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
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


__all__ = ["SECTIONS", "app"]
