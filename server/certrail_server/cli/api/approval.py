"""`certrail approval` and `certrail approval-policy`."""

import sys
from typing import Annotated

import typer

from certrail_server.cli.common import echo, out
from certrail_server.cli.support.choices import ApprovalStatus
from certrail_server.cli.support.documents import in_applications
from certrail_server.cli.support.names import object_id
from certrail_server.cli.support.remote import AsJson, Limit, call, create, pages
from certrail_server.cli.tables import Json, listed, named, shown

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
    ("for", lambda row: f"{_kind(row)}{named(None, {'all': row['names']})}"),
    "status",
    ("expires", "expires_at"),
    "comment",
)

policy = in_applications("approval-policies", POLICY_COLUMNS, {"profiles": "/certificate-profiles"})
approval = typer.Typer(no_args_is_help=True)

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
    """Show an approval request with everything that votes on it are bound to, and its votes."""
    row = call("GET", f"/approval-requests/{object_id('approval', approval_id)}")
    # One text, a fact a line: as members of an object, two facts could be taken for one.
    shown(row if as_json else {**row, "facts": _facts(row)}, as_json)


@approval.command("approve")
def approve(
    approval_id: Ident,
    comment: Annotated[str, typer.Option(help="Recorded with the vote.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show what is to be approved, and vote to approve exactly that."""
    row = call("GET", f"/approval-requests/{object_id('approval', approval_id)}")
    echo(f"{row['title']}\n{_facts(row)}")
    if not yes and sys.stdin.isatty():
        typer.confirm("Approve this?", abort=True)
    _vote(row["id"], "approve", comment, row["digest"])


@approval.command("reject")
def reject(
    approval_id: Ident,
    comment: Annotated[str, typer.Option(help="The reason, which the requester sees.", prompt="Reason")],
) -> None:
    """Vote to reject, which ends the approval request."""
    _vote(object_id("approval", approval_id), "reject", comment)


def _vote(approval_id: str, decision: str, comment: str, digest: str | None = None) -> None:
    body = {"decision": decision, "comment": comment, **({"digest": digest} if digest else {})}
    create(f"/approval-requests/{approval_id}/votes", body)
    out.print("vote recorded")


def _kind(row: Json) -> str:
    """What a list must not hide: that it is about an authority."""
    return "CERTIFICATE AUTHORITY " if row["authority"] else ""


def _facts(row: Json) -> str:
    return "\n".join(f"{fact['label']}: {fact['value']}" for fact in row["facts"])
