"""`certrail policy`: certificate policies."""

from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.documents import document_in
from certrail_server.cli.support.remote import AsJson, call, create
from certrail_server.cli.tables import listed, shown

policy = typer.Typer(no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="Slug or id.")]
Slug = Annotated[str, typer.Argument(help="Short name, such as web-tls.")]
Title = Annotated[str | None, typer.Option("--name", help="Name for people. Default: the slug.")]
POLICIES = "/certificate-policies"


@policy.command("list")
def list_policies(as_json: AsJson = False) -> None:
    """List certificate policies."""
    listed(call("GET", POLICIES)["items"], ("slug", "name", "version", "rules"), as_json)


@policy.command("show")
def show_policy(reference: Reference, as_json: AsJson = False) -> None:
    """Show a certificate policy."""
    shown(call("GET", f"{POLICIES}/{reference}"), as_json)


@policy.command("create")
def create_policy(
    slug: Slug,
    rules: Annotated[Path, typer.Argument(help="JSON file with the rules; - for standard input.")],
    name: Title = None,
    as_json: AsJson = False,
) -> None:
    """Create a certificate policy from its rules.

    A member that is left out allows everything, an empty one nothing. For example:

    {"sans": {"dns": {"allowed": ["*.example.com"]}}, "key_algorithms": ["EC_P256"], "max_ttl": "90d"}
    """
    body = {"slug": slug, "name": name or slug, "rules": document_in(rules)}
    shown(create(POLICIES, body), as_json)


@policy.command("update")
def update_policy(
    reference: Reference,
    rules: Annotated[Path, typer.Argument(help="JSON file with the new rules; - for standard input.")],
    as_json: AsJson = False,
) -> None:
    """Replace the rules of a policy."""
    shown(call("PATCH", f"{POLICIES}/{reference}", {"rules": document_in(rules)}), as_json)


@policy.command("delete")
def delete_policy(reference: Reference) -> None:
    """Delete a policy that no profile uses."""
    call("DELETE", f"{POLICIES}/{reference}")
    out.print("deleted")
