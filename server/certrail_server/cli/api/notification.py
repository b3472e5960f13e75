"""`certrail incident` and `certrail notification`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.choices import NotificationStatus
from certrail_server.cli.support.documents import Application, slugs
from certrail_server.cli.support.names import object_id
from certrail_server.cli.support.remote import AsJson, Limit, call, pages, scope
from certrail_server.cli.tables import listed

INCIDENT_COLUMNS = (
    "id",
    ("incident", "content.title"),
    ("created", "created_at"),
    "level",
    ("acknowledged", "acknowledged_at"),
    ("resolved", "closed_at"),
)
NOTIFICATION_COLUMNS = (
    "id",
    "channel",
    ("message", "content.title"),
    "status",
    "attempts",
    ("sent", "sent_at"),
    ("error", "last_error.message"),
)
incident = typer.Typer(no_args_is_help=True)
notification = typer.Typer(no_args_is_help=True)
Ident = Annotated[str, typer.Argument(help="Id, or its unique beginning.")]


@incident.command("list")
def list_incidents(
    application: Application,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="List resolved incidents instead of open ones.")
    ] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the incidents of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/incidents", limit, closed=resolved))
    listed(rows, INCIDENT_COLUMNS, as_json)


@incident.command("acknowledge")
def acknowledge(
    ident: Ident,
    comment: Annotated[str, typer.Option(help="Sent with the acknowledgement.")] = "",
) -> None:
    """Take an incident over, so that it is escalated no further."""
    call("POST", f"/incidents/{object_id('incident', ident)}/acknowledge", {"comment": comment})
    out.print("acknowledged")


@notification.command("list")
def list_notifications(
    application: Application,
    status: Annotated[NotificationStatus | None, typer.Option(help="Only those with this status.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the notifications of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/notifications", limit, status=status))
    if rows and not as_json:  # a channel that was deleted is known by its id only
        known = slugs(f"{scope(application)}/channels")
        rows = [{"channel": known.get(row["channel_id"], row["channel_id"]), **row} for row in rows]
    listed(rows, NOTIFICATION_COLUMNS, as_json)


@notification.command("replay")
def replay(ident: Ident) -> None:
    """Send the message of a notification once more."""
    call("POST", f"/notifications/{object_id('notification', ident)}/replay")
    out.print("queued")
