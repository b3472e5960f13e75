"""`certrail profile`: certificate profiles."""

from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.documents import Document, document_in
from certrail_server.cli.support.remote import AsJson, call, create
from certrail_server.cli.tables import listed, shown

profile = typer.Typer(no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="Slug or id.")]
Slug = Annotated[str, typer.Argument(help="Short name, such as web-tls.")]
Title = Annotated[str | None, typer.Option("--name", help="Name for people. Default: the slug.")]
PROFILES = "/certificate-profiles"


@profile.command("list")
def list_profiles(as_json: AsJson = False) -> None:
    """List certificate profiles."""
    listed(call("GET", PROFILES)["items"], ("slug", "name", "issuer_type", "ttl_seconds", "version"), as_json)


@profile.command("show")
def show_profile(reference: Reference, as_json: AsJson = False) -> None:
    """Show a certificate profile."""
    shown(call("GET", f"{PROFILES}/{reference}"), as_json)


@profile.command("create")
def create_profile(
    slug: Slug,
    policy_reference: Annotated[str, typer.Option("--policy", help="Slug or id of the certificate policy.")],
    ttl: Annotated[str, typer.Option(help="TTL of its certificates, such as 47d.")],
    authority: Annotated[
        str | None, typer.Option("--ca", help="Slug or id of the CA. Default: certificates are self-signed.")
    ] = None,
    name: Title = None,
    as_json: AsJson = False,
) -> None:
    """Create a profile from a CA, a policy and a TTL."""
    issuer = {"ca": authority} if authority else {"issuer_type": "self-signed"}
    body = {"slug": slug, "name": name or slug, "policy": policy_reference, "ttl": ttl, **issuer}
    shown(create(PROFILES, body), as_json)


@profile.command("update")
def update_profile(
    reference: Reference,
    document: Document,
    as_json: AsJson = False,
) -> None:
    """Change the members of a profile that a JSON document names, such as ttl, policy or defaults."""
    shown(call("PATCH", f"{PROFILES}/{reference}", document_in(document)), as_json)


@profile.command("delete")
def delete_profile(reference: Reference) -> None:
    """Delete a profile that was never used."""
    call("DELETE", f"{PROFILES}/{reference}")
    out.print("deleted")
