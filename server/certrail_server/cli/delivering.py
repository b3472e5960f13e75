"""`sync`, `delivery` and `connection`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.described import (
    Application,
    Document,
    Reference,
    document_in,
    kept_in_applications,
    of_the_product,
)
from certrail_server.cli.remote import AsJson, Json, Limit, answer_of, call, pages, scope
from certrail_server.cli.tables import listed, named, shown
from certrail_server.words import counted

SYNC_COLUMNS = ("slug", "destination", "auto", "prune", "selection")
DELIVERY_COLUMNS = (
    "id",
    "sync",
    ("object", "object_name"),
    "status",
    ("since", "last_transition_at"),
    ("next try", "next_try_at"),
    ("trouble", "last_error.message"),
)
ACCEPTED = 202
PREVIEW_COLUMNS = (
    "certificate_id",
    ("name", lambda row: named(row["common_name"], row["names"])),
    ("expires", "not_after"),
    ("object", "object_name"),
)

sync = kept_in_applications("syncs", SYNC_COLUMNS)
connection = of_the_product("connections", ("slug", "name", "type", "expires_at"))
delivery = typer.Typer(help="Where certificates stand at their destinations.", no_args_is_help=True)
retirement = typer.Typer(help="What is to leave its destination, and what has left.", no_args_is_help=True)

Ident = Annotated[str, typer.Argument(help="Id.")]


def _why(row: Json) -> str:
    """Whoever reads `ended` of what waits for it would think that the certificate has ended."""
    return "when its certificate ends" if row["planned"] and row["reason"] == "ended" else str(row["reason"])


RETIREMENT_COLUMNS = (
    "id",
    "sync",
    ("object", "object_name"),
    ("status", lambda row: "planned" if row["planned"] else row["status"]),
    ("leaves", "remove_at"),
    ("because", _why),
    ("trouble", "last_error.message"),
)


@sync.command("preview")
def preview_sync(application: Application, document: Document, as_json: AsJson = False) -> None:
    """Show what a sync would carry, from its destination, selection and name schema; nothing is delivered."""
    look = call("POST", f"{scope(application)}/syncs/preview", document_in(document))
    listed(look["items"], PREVIEW_COLUMNS, as_json)
    if not as_json:
        out.print(counted(look["count"], "certificate"), highlight=False)


@sync.command("trigger")
def trigger_sync(
    application: Application,
    reference: Reference,
    lineage: Annotated[list[str] | None, typer.Option(help="Only this lineage; repeat for more.")] = None,
) -> None:
    """Deliver now what a sync carries, also what is delivered already."""
    path = f"{scope(application)}/syncs/{reference}/trigger"
    count = call("POST", path, {"lineages": lineage or []})["certificates"]
    out.print(f"{counted(count, 'certificate')} on {'its' if count == 1 else 'their'} way", highlight=False)


@sync.command("delete")
def delete_sync(
    application: Application,
    reference: Reference,
    cleanup: Annotated[bool, typer.Option("--cleanup", help="Take away what it delivered, first.")] = False,
) -> None:
    """Stop a sync. What it delivered stays where it is, unless --cleanup is given."""
    path = f"{scope(application)}/syncs/{reference}"
    left = answer_of("DELETE", path, cleanup=cleanup).status_code == ACCEPTED
    out.print("deleted when the last of its objects is gone" if left else "deleted")


@sync.command("check")
def check_sync(application: Application, reference: Reference) -> None:
    """Ask the destination whether it accepts the credentials."""
    call("POST", f"{scope(application)}/syncs/{reference}/check")
    out.print("ok")


@delivery.command("list")
def list_deliveries(
    application: Application,
    sync: Annotated[str | None, typer.Option(help="Slug or id: only at this sync.")] = None,
    status: Annotated[str | None, typer.Option(help="Such as delivered, retrying or failed.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List where every certificate stands at every sync, newest first."""
    rows = pages(f"{scope(application)}/deliveries", limit, sync=sync, status=status)
    listed(list(rows), DELIVERY_COLUMNS, as_json)


@delivery.command("show")
def show_delivery(ident: Ident, as_json: AsJson = False) -> None:
    """Show a delivery: what, since when, how often, what next, who must act."""
    shown(call("GET", f"/deliveries/{ident}"), as_json)


@delivery.command("retry")
def retry_delivery(ident: Ident) -> None:
    """Deliver it now."""
    call("POST", f"/deliveries/{ident}/retry")
    out.print("on its way")


@retirement.command("list")
def list_retirements(application: Application, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List what is to leave its destination and when, and what has left, newest first."""
    listed(list(pages(f"{scope(application)}/retirements", limit)), RETIREMENT_COLUMNS, as_json)


@retirement.command("retry")
def retry_retirement(ident: Ident) -> None:
    """Take it away now."""
    call("POST", f"/retirements/{ident}/retry")
    out.print("on its way")
