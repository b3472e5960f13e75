"""`channel`, `alert`, `incident` and `notification`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.described import Application, Reference, in_applications, slugs
from certrail_server.cli.remote import AsJson, Limit, call, pages, scope
from certrail_server.cli.tables import listed

channel = in_applications("channels", ("slug", "name", "notifier", "product_wide"))
alert = in_applications("alerts", ("slug", "name", "events", "channels", "enabled"), {"channels": "channels"})
INCIDENT_COLUMNS = (
    "id",
    ("trouble", "content.title"),
    ("since", "created_at"),
    "level",
    ("acknowledged", "acknowledged_at"),
    ("over", "closed_at"),
)
NOTIFICATION_COLUMNS = (
    "id",
    "channel",
    ("message", "content.title"),
    "status",
    "attempts",
    ("sent", "sent_at"),
    ("trouble", "last_error.message"),
)
incident = typer.Typer(help="Troubles that somebody must see to.", no_args_is_help=True)
notification = typer.Typer(help="What was told, and to whom.", no_args_is_help=True)


@channel.command("check")
def check_channel(application: Application, reference: Reference) -> None:
    """Ask the outside system whether it takes messages of this channel."""
    call("POST", f"{scope(application)}/channels/{reference}/check")
    out.print("ok")


@incident.command("list")
def list_incidents(
    application: Application,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are over.")] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the troubles of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/incidents", limit, closed=closed))
    listed(rows, INCIDENT_COLUMNS, as_json)


@incident.command("acknowledge")
def acknowledge(
    ident: Annotated[str, typer.Argument(help="Id.")],
    comment: Annotated[str, typer.Option(help="Told with it.")] = "",
) -> None:
    """See to it: nobody else is told from now on."""
    call("POST", f"/incidents/{ident}/acknowledge", {"comment": comment})
    out.print("yours")


@notification.command("list")
def list_notifications(
    application: Application,
    status: Annotated[str | None, typer.Option(help="Such as sent or failed.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what was told, newest first."""
    rows = list(pages(f"{scope(application)}/notifications", limit, status=status))
    if rows and not as_json:  # a channel that was deleted is known by its id only
        known = slugs(f"{scope(application)}/channels")
        rows = [{"channel": known.get(row["channel_id"], row["channel_id"]), **row} for row in rows]
    listed(rows, NOTIFICATION_COLUMNS, as_json)


@notification.command("replay")
def replay(ident: Annotated[str, typer.Argument(help="Id.")]) -> None:
    """Send it again, as another message."""
    call("POST", f"/notifications/{ident}/replay")
    out.print("on its way")
