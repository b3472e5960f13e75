"""`certrail revocation`."""

from typing import Annotated

import typer

from certrail_server.cli.common import err, out
from certrail_server.cli.support.choices import RevocationStatus
from certrail_server.cli.support.names import object_id
from certrail_server.cli.support.outcome import approval_stage, exit_timed_out, outcome
from certrail_server.cli.support.remote import AsJson, Json, Limit, call, pages, scope
from certrail_server.cli.tables import SHORT_ID, listed, shown

revocation = typer.Typer(no_args_is_help=True)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id of the revocation request, or its unique beginning.")]
COLUMNS = (
    "id",
    "certificate",
    "status",
    ("revocation reason", "revocation_reason"),
    "requester",
    "reason",
    ("created", "created_at"),
)
OPEN = (RevocationStatus.PENDING_APPROVAL, RevocationStatus.APPROVED)


@revocation.command("list")
def list_revocations(
    application: Application,
    status: Annotated[RevocationStatus | None, typer.Option(help="Only those with this status.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the revocation requests of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/revocation-requests", limit, status=status))
    listed(rows, COLUMNS, as_json)


@revocation.command("show")
def show_revocation(revocation_request: Ident, as_json: AsJson = False) -> None:
    """Show a revocation request."""
    shown(call("GET", _path(revocation_request)), as_json)


@revocation.command("cancel")
def cancel_revocation(revocation_request: Ident) -> None:
    """Cancel a revocation request that waits for approval; an Operator only their own."""
    call("POST", f"{_path(revocation_request)}/cancel")
    out.print("cancelled")


def report(row: Json, *, wait: bool, timeout: float) -> bool:
    """Print where a revocation request is, after waiting for its end if wanted; whether it ended in a revocation.

    Exit code 1 if it ended without one, 3 if it is not decided after `timeout` seconds.
    """
    if not wait:
        out.print(f"revocation request {row['id'][:SHORT_ID]}: {stage(row)}", highlight=False, soft_wrap=True)
        return False
    row = outcome("/revocation-requests", row, timeout, unfinished=OPEN, stage=stage)
    if row["status"] in OPEN:
        exit_timed_out(timeout, stage(row))
    if row["status"] != RevocationStatus.REVOKED:
        err.print(
            f"{row['status']}: {row['reason'] or 'no reason was given'}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
        raise typer.Exit(1)
    return True


def stage(row: Json) -> str:
    """What a revocation request waits for, in words."""
    if row["status"] == RevocationStatus.PENDING_APPROVAL:
        return approval_stage(row)
    return "revoking" if row["status"] in OPEN else str(row["status"])


def _path(reference: str) -> str:
    return f"/revocation-requests/{object_id('revocation-request', reference)}"
