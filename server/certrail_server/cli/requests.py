"""`request`."""

from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import out, waiting
from certrail_server.cli.remote import AsJson, Json, Limit, call, given, pages, pairs, read_text, scope
from certrail_server.cli.tables import inside, listed, named, shown

request = typer.Typer(help="Certificate requests.", no_args_is_help=True)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id.")]
Metadata = Annotated[list[str] | None, typer.Option(help="name=value; repeat for more.")]
PATIENCE_SECONDS = 30
OPEN = ("pending_approval", "approved", "issuing")


def _name(row: Json) -> str:
    return named(inside(row, "subject.common_name"), inside(row, "sans"))


COLUMNS = ("id", ("name", _name), "status", "reason", ("asked", "created_at"))


@request.command("list")
def list_requests(
    application: Application,
    status: Annotated[str | None, typer.Option(help="Such as pending_approval or failed.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the certificate requests of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/certificate-requests", limit, status=status))
    listed(rows, COLUMNS, as_json)


@request.command("show")
def show_request(ident: Ident, as_json: AsJson = False) -> None:
    """Show a certificate request."""
    shown(call("GET", f"/certificate-requests/{ident}"), as_json)


@request.command("submit")
def submit_request(
    application: Application,
    profile: Annotated[str, typer.Option(help="Slug or id.")],
    dns: Annotated[list[str] | None, typer.Option(help="DNS name; repeat for more.")] = None,
    ip: Annotated[list[str] | None, typer.Option(help="IP address; repeat for more.")] = None,
    email: Annotated[list[str] | None, typer.Option(help="E-mail address; repeat for more.")] = None,
    uri: Annotated[list[str] | None, typer.Option(help="URI; repeat for more.")] = None,
    upn: Annotated[list[str] | None, typer.Option(help="User principal name; repeat for more.")] = None,
    common_name: Annotated[str | None, typer.Option(help="Of the subject.")] = None,
    subject: Annotated[
        list[str] | None, typer.Option(help="name=value, such as organization=Example; repeat for more.")
    ] = None,
    csr: Annotated[Path | None, typer.Option(help="PEM file; subject, names and key come from it.")] = None,
    ttl: Annotated[str | None, typer.Option(help="Such as 47d. Default: that of the profile.")] = None,
    key_algorithm: Annotated[str | None, typer.Option(help="Such as EC_P256 or RSA_3072.")] = None,
    signature_algorithm: Annotated[str | None, typer.Option(help="Insist on it.")] = None,
    key_usage: Annotated[
        list[str] | None, typer.Option(help="Such as digitalSignature; repeat for more.")
    ] = None,
    extended_key_usage: Annotated[
        list[str] | None, typer.Option(help="Such as serverAuth; repeat for more.")
    ] = None,
    metadata: Metadata = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is decided.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a certificate."""
    body = given(
        profile=profile,
        subject=pairs(subject or (), "--subject") | given(common_name=common_name),
        sans=given(dns=dns, ip=ip, email=email, uri=uri, upn=upn),
        csr=read_text(csr) if csr else None,
        ttl=ttl,
        key_algorithm=key_algorithm,
        signature_algorithm=signature_algorithm,
        key_usages=key_usage,
        extended_key_usages=extended_key_usage,
        metadata=pairs(metadata or (), "--metadata"),
    )
    decided(call("POST", f"/applications/{application}/certificate-requests", body), wait, as_json)


@request.command("cancel")
def cancel_request(ident: Ident) -> None:
    """Withdraw your request while it waits for approval."""
    call("POST", f"/certificate-requests/{ident}/cancel")
    out.print("cancelled")


@request.command("retry")
def retry_request(ident: Ident) -> None:
    """Try a failed request again; an approval that was given holds."""
    call("POST", f"/certificate-requests/{ident}/retry")
    out.print("tried again")


def decided(row: Json, wait: bool, as_json: bool) -> None:
    """Show a request, once it is decided if that is waited for; one that was refused ends the command with 1."""
    if wait:
        with waiting(f"request {row['id']}: waiting for the decision"):
            while row["status"] in OPEN:
                row = call("GET", f"/certificate-requests/{row['id']}", wait=PATIENCE_SECONDS)
    shown(row, as_json)
    if row["status"] not in (*OPEN, "issued"):
        raise typer.Exit(1)
