"""`approval` and `approval-policy`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.described import in_applications
from certrail_server.cli.remote import AsJson, Limit, call, pages
from certrail_server.cli.tables import listed, named, shown

POLICY_COLUMNS = (
    "slug",
    "name",
    "version",
    "profiles",
    ("steps", lambda row: ", then ".join(step["name"] for step in row["steps"])),
)
COLUMNS = (
    "id",
    "application",
    ("for", lambda row: named(None, {"all": row["names"]})),
    "status",
    "expires_at",
    "comment",
)

policy = in_applications("approval-policies", POLICY_COLUMNS, {"profiles": "/certificate-profiles"})
approval = typer.Typer(help="Approvals that wait for an answer.", no_args_is_help=True)

Ident = Annotated[str, typer.Argument(help="Id of the approval.")]


@approval.command("list")
def list_approvals(
    application: Annotated[
        str | None, typer.Option("--app", help="All of this Application. Default: those that ask you.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="Such as open or rejected.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List approvals, newest first."""
    path = f"/applications/{application}/approval-requests" if application else "/approval-requests"
    listed(list(pages(path, limit, status=status)), COLUMNS, as_json)


@approval.command("show")
def show_approval(approval_id: Ident, as_json: AsJson = False) -> None:
    """Show an approval with its votes."""
    shown(call("GET", f"/approval-requests/{approval_id}"), as_json)


@approval.command("approve")
def approve(
    approval_id: Ident,
    comment: Annotated[str, typer.Option(help="Kept with the vote.")] = "",
) -> None:
    """Vote for it."""
    _vote(approval_id, "approve", comment)


@approval.command("reject")
def reject(
    approval_id: Ident,
    comment: Annotated[str, typer.Option(help="Why; the requester is told.", prompt="Why")],
) -> None:
    """Vote against it, which ends it."""
    _vote(approval_id, "reject", comment)


def _vote(approval_id: str, decision: str, comment: str) -> None:
    call("POST", f"/approval-requests/{approval_id}/votes", {"decision": decision, "comment": comment})
    out.print("recorded")
