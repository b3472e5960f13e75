"""`certrail sync`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.documents import (
    Application,
    Document,
    Reference,
    document_in,
    kept_in_applications,
)
from certrail_server.cli.support.remote import AsJson, call, response, scope
from certrail_server.cli.tables import listed, named
from certrail_server.words import counted

SYNC_COLUMNS = ("slug", "destination", "auto", "prune", "selection")
PREVIEW_COLUMNS = (
    ("certificate", lambda row: named(row["common_name"], row["names"])),
    ("expires", "not_after"),
    ("object", "object_name"),
    ("id", "certificate_id"),
)
ACCEPTED = 202

sync = kept_in_applications("syncs", SYNC_COLUMNS)


@sync.command("preview")
def preview_sync(application: Application, document: Document, as_json: AsJson = False) -> None:
    """List the certificates that a sync would select, without creating it."""
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
    """Deliver all selected certificates now, including those that are delivered already."""
    path = f"{scope(application)}/syncs/{reference}/trigger"
    count = call("POST", path, {"lineages": lineage or []})["certificates"]
    out.print(f"{count} {'delivery' if count == 1 else 'deliveries'} queued", highlight=False)


@sync.command("delete")
def delete_sync(
    application: Application,
    reference: Reference,
    cleanup: Annotated[
        bool, typer.Option("--cleanup", help="Remove the delivered objects from the destination first.")
    ] = False,
) -> None:
    """Delete a sync; the objects that it delivered stay unless --cleanup is given."""
    path = f"{scope(application)}/syncs/{reference}"
    waits = response("DELETE", path, cleanup=cleanup).status_code == ACCEPTED
    out.print("deletion requested: the sync is deleted with the last of its objects" if waits else "deleted")


@sync.command("check")
def check_sync(application: Application, reference: Reference) -> None:
    """Check that the destination accepts the credentials of a sync."""
    call("POST", f"{scope(application)}/syncs/{reference}/check")
    out.print("ok")
