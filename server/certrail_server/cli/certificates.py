"""`cert` and `request`."""

import base64
from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import counting, err, fail, out
from certrail_server.cli.remote import (
    AsJson,
    Json,
    Limit,
    answer_of,
    call,
    listed,
    pages,
    pairs,
    read_text,
    scope,
    shown,
)

cert = typer.Typer(help="Certificates.", no_args_is_help=True)
request = typer.Typer(help="Certificate requests.", no_args_is_help=True)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id.")]
Metadata = Annotated[list[str] | None, typer.Option(help="name=value; repeat for more.")]
PATIENCE_SECONDS = 30
OPEN = ("pending_approval", "approved", "issuing")


@cert.command("list")
def list_certificates(
    application: Application,
    name: Annotated[str | None, typer.Option(help="A whole name.")] = None,
    name_ends: Annotated[str | None, typer.Option(help="The end of one, such as .example.com.")] = None,
    serial: Annotated[str | None, typer.Option(help="Hex.")] = None,
    status: Annotated[str | None, typer.Option(help="active, expired, superseded, held or revoked.")] = None,
    expires_before: Annotated[str | None, typer.Option(help="Such as 2027-01-31T00:00:00Z.")] = None,
    metadata: Metadata = None,
    view: Annotated[str | None, typer.Option(help="A saved search.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Search the inventory of an Application."""
    query = {"name": name, "name_ends": name_ends, "serial": serial, "status": status, "view": view}
    query |= {"expires_before": expires_before, "application": "none" if application == "-" else None}
    with counting("certificates read") as report:
        rows = []
        for row in pages(f"{scope(application)}/certificates", limit, metadata=metadata, **query):
            rows.append(row)
            report(len(rows))
    listed(rows, ("id", "common_name", "serial", "status", "not_after"), as_json)


@cert.command("show")
def show_certificate(certificate: Ident, as_json: AsJson = False) -> None:
    """Show a certificate."""
    shown(call("GET", f"/certificates/{certificate}"), as_json, "pem", "chain", "root")


@cert.command("renew")
def renew_certificate(
    certificate: Ident,
    csr: Annotated[Path | None, typer.Option(help="PEM file, of the new key where you keep it.")] = None,
    same_key: Annotated[bool, typer.Option("--same-key", help="Keep the present key.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is decided.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for the next certificate in the place of this one: same names and lifetime, new key."""
    body: dict[str, object] = {"same_key": same_key, **({"csr": read_text(csr)} if csr else {})}
    _decided(call("POST", f"/certificates/{certificate}/renew", body), wait, as_json)


@cert.command("revoke")
def revoke_certificate(
    certificate: Ident,
    reason: Annotated[
        str, typer.Option(help="Of RFC 5280, such as keyCompromise; certificateHold until it is released.")
    ] = "unspecified",
) -> None:
    """Revoke a certificate; revocation lists and OCSP say so at once."""
    call("POST", f"/certificates/{certificate}/revoke", {"reason": reason})
    out.print("on hold" if reason == "certificateHold" else "revoked")


@cert.command("release")
def release_certificate(certificate: Ident) -> None:
    """Let a certificate on hold be valid again."""
    call("POST", f"/certificates/{certificate}/release")
    out.print("released")


@cert.command("renewal")
def show_renewal(certificate: Ident, as_json: AsJson = False) -> None:
    """Show when a certificate is renewed by itself and why then, or why it is not."""
    shown(call("GET", f"/certificates/{certificate}/renewal"), as_json)


@cert.command("export")
def export_certificate(
    certificate: Ident,
    output: Annotated[Path, typer.Argument(help="File to write; it is readable by you only.")],
    format_: Annotated[str, typer.Option("--format", help="pem, der, pkcs12 or jks.")] = "pem",
    root: Annotated[bool, typer.Option("--root", help="With the root.")] = False,
) -> None:
    """Write a certificate to a file. PKCS#12 and JKS hold its private key, under a password that is asked for."""
    body: dict[str, object] = {"format": format_, "include_root": root}
    if format_ in ("pkcs12", "jks"):
        body["password"] = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    content = answer_of("POST", f"/certificates/{certificate}/export", body).content
    try:
        output.touch(mode=0o600, exist_ok=False)
        output.write_bytes(content)
    except OSError as problem:
        fail(f"{output} cannot be written: {problem.strerror}.")
    err.print(f"{len(content)} bytes written", highlight=False)


@cert.command("import")
def import_certificate(
    application: Application,
    file: Annotated[Path, typer.Argument(help="PEM, or PKCS#12 with --pkcs12.")],
    pkcs12: Annotated[
        bool, typer.Option("--pkcs12", help="The file is PKCS#12; its password is asked for.")
    ] = False,
    key: Annotated[Path | None, typer.Option(help="PEM file with the private key.")] = None,
    entry: Annotated[
        str | None, typer.Option(help="Name or fingerprint, where a file holds several.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Profile whose policy it must satisfy.")] = None,
    metadata: Metadata = None,
    as_json: AsJson = False,
) -> None:
    """Keep a certificate that was issued elsewhere."""
    body: dict[str, object] = {"metadata": pairs(metadata or (), "--metadata")}
    body |= {name: value for name, value in (("profile", profile), ("entry", entry)) if value}
    if pkcs12:
        try:
            body["pkcs12"] = base64.b64encode(file.read_bytes()).decode()
        except OSError as problem:
            fail(f"{file} cannot be read: {problem.strerror}.")
        body["password"] = typer.prompt("Password", hide_input=True, err=True)
    else:
        body["certificate"] = read_text(file)
        body |= {"private_key": read_text(key)} if key else {}
    row = call("POST", f"/applications/{application}/certificates", body)
    shown(row, as_json, "pem", "chain", "root")


@request.command("list")
def list_requests(
    application: Application,
    status: Annotated[str | None, typer.Option(help="Such as pending_approval or failed.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the certificate requests of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/certificate-requests", limit, status=status))
    listed(rows, ("id", "status", "content.subject.common_name", "reason", "certificate_id"), as_json)


@request.command("show")
def show_request(ident: Ident, as_json: AsJson = False) -> None:
    """Show a certificate request."""
    shown(call("GET", f"/certificate-requests/{ident}"), as_json)


@request.command("submit")
def submit_request(
    application: Application,
    profile: Annotated[str, typer.Option(help="Slug or id.")],
    dns: Annotated[list[str] | None, typer.Option(help="DNS name; repeat for more.")] = None,
    common_name: Annotated[str | None, typer.Option(help="Of the subject.")] = None,
    csr: Annotated[Path | None, typer.Option(help="PEM file; subject, names and key come from it.")] = None,
    ttl: Annotated[str | None, typer.Option(help="Such as 47d. Default: that of the profile.")] = None,
    metadata: Metadata = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is decided.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a certificate."""
    body: dict[str, object] = {"profile": profile, "metadata": pairs(metadata or (), "--metadata")}
    body |= {"ttl": ttl} if ttl else {}
    body |= {"csr": read_text(csr)} if csr else {}
    body |= {"sans": {"dns": dns}} if dns else {}
    body |= {"subject": {"common_name": common_name}} if common_name else {}
    _decided(call("POST", f"/applications/{application}/certificate-requests", body), wait, as_json)


@request.command("cancel")
def cancel_request(ident: Ident) -> None:
    """Withdraw your request while it waits for approval."""
    call("POST", f"/certificate-requests/{ident}/cancel")
    out.print("cancelled")


@request.command("retry")
def retry_request(ident: Ident) -> None:
    """Try a failed request again, without asking for approval again."""
    call("POST", f"/certificate-requests/{ident}/retry")
    out.print("tried again")


def _decided(row: Json, wait: bool, as_json: bool) -> None:
    """Show a request, once it is decided if that is waited for; one that was refused ends the command with 1."""
    if wait:
        with err.status(f"request {row['id']}: waiting for the decision"):
            while row["status"] in OPEN:
                row = call("GET", f"/certificate-requests/{row['id']}", wait=PATIENCE_SECONDS)
    shown(row, as_json)
    if row["status"] not in (*OPEN, "issued"):
        raise typer.Exit(1)
