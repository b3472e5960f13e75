"""`certrail delivery`, `certrail probe` and `certrail retirement`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.choices import DeliveryStatus, ProbeVerdict
from certrail_server.cli.support.documents import Application
from certrail_server.cli.support.names import object_id
from certrail_server.cli.support.remote import AsJson, Json, Limit, call, pages, scope
from certrail_server.cli.tables import listed, shown

delivery = typer.Typer(no_args_is_help=True)
probe = typer.Typer(no_args_is_help=True)
retirement = typer.Typer(no_args_is_help=True)
Ident = Annotated[str, typer.Argument(help="Id, or its unique beginning.")]
REASONS = {"ended": "certificate expired"}

DELIVERY_COLUMNS = (
    "id",
    ("certificate", "common_name"),
    "sync",
    ("object", "object_name"),
    "status",
    ("last transition", "last_transition_at"),
    ("next attempt", "next_try_at"),
    ("served", lambda row: ", ".join(str(each["verdict"] or "not looked at yet") for each in row["served"])),
    ("error", "last_error.message"),
)
PROBE_COLUMNS = (
    "verdict",
    ("endpoint", lambda row: f"{row['protocol']}://{row['host']}:{row['port']}"),
    ("as", "server_name"),
    ("by", lambda row: f"sync {row['sync']}" if row["sync"] else str(row["reporter"])),
    ("since", "changed_at"),
    ("last look", "checked_at"),
    "reason",
)


def _reason(row: Json) -> str:
    """Of a planned removal, `ended` means that it is removed when its certificate expires."""
    if row["planned"] and row["reason"] == "ended":
        return "when its certificate expires"
    return REASONS.get(row["reason"], str(row["reason"]))


RETIREMENT_COLUMNS = (
    "id",
    "sync",
    ("object", "object_name"),
    ("status", lambda row: "planned" if row["planned"] else row["status"]),
    ("removed at", "remove_at"),
    ("reason", _reason),
    ("error", "last_error.message"),
)


@delivery.command("list")
def list_deliveries(
    application: Application,
    sync: Annotated[str | None, typer.Option(help="Only at this sync; slug or id.")] = None,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only those with this status.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the state of every certificate at every sync, newest first."""
    rows = pages(f"{scope(application)}/deliveries", limit, sync=sync, status=status)
    listed(list(rows), DELIVERY_COLUMNS, as_json)


@delivery.command("show")
def show_delivery(ident: Ident, as_json: AsJson = False) -> None:
    """Show a delivery with its status, its attempts, its last error and its next attempt."""
    shown(call("GET", f"/deliveries/{object_id('delivery', ident)}"), as_json)


@delivery.command("retry")
def retry_delivery(ident: Ident) -> None:
    """Deliver now."""
    call("POST", f"/deliveries/{object_id('delivery', ident)}/retry")
    out.print("queued")


@probe.command("list")
def list_probes(
    application: Application,
    lineage: Annotated[str | None, typer.Option(help="Only of this lineage.")] = None,
    verdict: Annotated[ProbeVerdict | None, typer.Option(help="Only those with this verdict.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List whether certificates are served, as probes of syncs and agents found, newest first."""
    rows = pages(f"{scope(application)}/probes", limit, lineage=lineage, verdict=verdict)
    listed(list(rows), PROBE_COLUMNS, as_json)


@retirement.command("list")
def list_retirements(application: Application, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List planned and past removals of objects from destinations, newest first."""
    listed(list(pages(f"{scope(application)}/retirements", limit)), RETIREMENT_COLUMNS, as_json)


@retirement.command("retry")
def retry_retirement(ident: Ident) -> None:
    """Remove the object now, unless it is still desired: then it stays planned."""
    row = call("POST", f"/retirements/{object_id('retirement', ident)}/retry")
    if row["status"] == "waiting":
        out.print(f"stays planned for {row['remove_at']}: the object is desired until then", highlight=False)
    else:
        out.print("queued")
