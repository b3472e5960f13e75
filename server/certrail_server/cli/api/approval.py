"""`certrail approval` and `certrail approval-policy`."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.choices import ApprovalStatus
from certrail_server.cli.support.documents import in_applications
from certrail_server.cli.support.names import object_id
from certrail_server.cli.support.remote import AsJson, Limit, call, create, pages
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
    ("expires", "expires_at"),
    "comment",
)

policy = in_applications("approval-policies", POLICY_COLUMNS, {"profiles": "/certificate-profiles"})
approval = typer.Typer(help="Approval requests and votes.", no_args_is_help=True)

Ident = Annotated[str, typer.Argument(help="Id of the approval request, or its unique beginning.")]


@approval.command("list")
def list_approvals(
    application: Annotated[
        str | None,
        typer.Option(
            "--app", help="All of this Application. Default: those that wait for you or that you requested."
        ),
    ] = None,
    status: Annotated[ApprovalStatus | None, typer.Option(help="Only those with this status.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List approval requests, newest first."""
    path = f"/applications/{application}/approval-requests" if application else "/approval-requests"
    listed(list(pages(path, limit, status=status)), COLUMNS, as_json)


@approval.command("show")
def show_approval(approval_id: Ident, as_json: AsJson = False) -> None:
    """Show an approval request with its votes."""
    shown(call("GET", f"/approval-requests/{object_id('approval', approval_id)}"), as_json)


@approval.command("approve")
def approve(
    approval_id: Ident,
    comment: Annotated[str, typer.Option(help="Recorded with the vote.")] = "",
) -> None:
    """Vote to approve."""
    _vote(approval_id, "approve", comment)


@approval.command("reject")
def reject(
    approval_id: Ident,
    comment: Annotated[str, typer.Option(help="The reason, which the requester sees.", prompt="Reason")],
) -> None:
    """Vote to reject, which ends the approval request."""
    _vote(approval_id, "reject", comment)


def _vote(approval_id: str, decision: str, comment: str) -> None:
    path = f"/approval-requests/{object_id('approval', approval_id)}/votes"
    create(path, {"decision": decision, "comment": comment})
    out.print("vote recorded")
