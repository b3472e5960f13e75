"""`cert`."""

import base64
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli import certificate_files
from certrail_server.cli.common import counting, fail, out
from certrail_server.cli.remote import (
    AsJson,
    Limit,
    call,
    given,
    pages,
    pairs,
    read_text,
    scope,
)
from certrail_server.cli.requests import decided
from certrail_server.cli.tables import listed, named, shown

cert = typer.Typer(help="Certificates.", no_args_is_help=True)
certificate_files.register(cert)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id.")]
Metadata = Annotated[list[str] | None, typer.Option(help="name=value; repeat for more.")]
COLUMNS = (
    "id",
    ("name", lambda row: named(row["common_name"], row["names"])),
    "status",
    ("expires", "not_after"),
)
PEM_PREFIX = b"-----BEGIN"


class Auto(StrEnum):
    """Whether a certificate is renewed by itself."""

    ON = "on"
    OFF = "off"
    PROFILE = "profile"


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
    query = {"name": name, "name_ends": name_ends, "serial": serial, "status": status, "saved_search": view}
    query |= {"expires_before": expires_before, "application": "none" if application == "-" else None}
    with counting("certificates read") as report:
        rows = []
        for row in pages(f"{scope(application)}/certificates", limit, metadata=metadata, **query):
            rows.append(row)
            report(len(rows))
    listed(rows, COLUMNS, as_json)


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
    decided(call("POST", f"/certificates/{certificate}/renew", body), wait, as_json)


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
def show_renewal(
    certificate: Ident,
    auto: Annotated[
        Auto | None, typer.Option(help="Change it: on, off, or as the rule of its profile says.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show when a certificate is renewed by itself and why then, or why it is not."""
    path = f"/certificates/{certificate}/renewal"
    present = call("GET", path)
    if auto:  # what is not said here stays: the API takes both as one
        decision = {"auto_renew": None if auto is Auto.PROFILE else auto is Auto.ON}
        present = call("PUT", path, {**decision, "renewal_override": present.get("renewal_override")})
    shown(present, as_json)


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
    body = given(metadata=pairs(metadata or (), "--metadata"), profile=profile, entry=entry)
    try:
        content = file.read_bytes()
    except OSError as problem:
        fail(f"{file} cannot be read: {problem.strerror}.")
    if pkcs12:
        body["pkcs12"] = base64.b64encode(content).decode()
        body["password"] = typer.prompt("Password", hide_input=True, err=True)
    elif PEM_PREFIX not in content:
        fail(f"{file} holds no PEM. For a PKCS#12 file, which often ends in .p12 or .pfx, give --pkcs12.")
    else:
        body["certificate"] = read_text(file)
        body |= {"private_key": read_text(key)} if key else {}
    row = call("POST", f"/applications/{application}/certificates", body)
    shown(row, as_json, "pem", "chain", "root")
