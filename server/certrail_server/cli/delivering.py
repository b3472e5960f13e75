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
from certrail_server.cli.remote import AsJson, Limit, answer_of, call, listed, pages, scope, shown

SYNC_COLUMNS = ("slug", "destination", "auto", "remove", "selection")
DELIVERY_COLUMNS = ("id", "sync", "object_name", "status", "since", "next_try_at", "last_error.message")
ACCEPTED = 202
PREVIEW_COLUMNS = ("certificate_id", "common_name", "not_after", "object_name")

sync = kept_in_applications("syncs", SYNC_COLUMNS)
connection = of_the_product("connections", ("slug", "name", "type", "expires_at"))
delivery = typer.Typer(help="Where certificates stand at their destinations.", no_args_is_help=True)


@sync.command("preview")
def preview_sync(application: Application, document: Document, as_json: AsJson = False) -> None:
    """Show what a sync would carry, from its destination, selection and name schema; nothing is delivered."""
    look = call("POST", f"{scope(application)}/syncs/preview", document_in(document))
    listed(look["items"], PREVIEW_COLUMNS, as_json)
    if not as_json:
        out.print(f"{look['count']} certificates", highlight=False)


@sync.command("trigger")
def trigger_sync(
    application: Application,
    reference: Reference,
    lineage: Annotated[list[str] | None, typer.Option(help="Only this lineage; repeat for more.")] = None,
) -> None:
    """Deliver now what a sync carries, also what is delivered already."""
    path = f"{scope(application)}/syncs/{reference}/trigger"
    told = call("POST", path, {"lineages": lineage or []})
    out.print(f"{told['certificates']} certificates on their way", highlight=False)


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
def show_delivery(ident: Annotated[str, typer.Argument(help="Id.")], as_json: AsJson = False) -> None:
    """Show a delivery: what, since when, how often, what next, who must act."""
    shown(call("GET", f"/deliveries/{ident}"), as_json)


@delivery.command("retry")
def retry_delivery(ident: Annotated[str, typer.Argument(help="Id.")]) -> None:
    """Deliver it now."""
    call("POST", f"/deliveries/{ident}/retry")
    out.print("on its way")
