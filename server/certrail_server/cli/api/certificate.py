"""`certrail cert`."""

import base64
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.api import certificate_files, revocation
from certrail_server.cli.api.request import show_outcome
from certrail_server.cli.common import counting, fail, out
from certrail_server.cli.support.certificates import given_file, password_for
from certrail_server.cli.support.choices import (
    AutoRenewal,
    CertificateSort,
    CertificateStatus,
    RevocationReason,
)
from certrail_server.cli.support.names import certificate_id, certificates
from certrail_server.cli.support.outcome import LONGEST_WAIT, Timeout, Wait
from certrail_server.cli.support.remote import (
    AsJson,
    Json,
    Limit,
    call,
    create,
    given,
    pages,
    pairs,
    read_text,
    scope,
)
from certrail_server.cli.tables import listed, named, shown

cert = typer.Typer(no_args_is_help=True)
certificate_files.register(cert)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id, its unique beginning, or the name of the certificate.")]
Metadata = Annotated[list[str] | None, typer.Option(help="name=value; repeat for more.")]
COLUMNS = (
    "id",
    ("name", lambda row: named(row["common_name"], row["names"])),
    "status",
    ("expires", "not_after"),
)
PEM_PREFIX = b"-----BEGIN"
FILES = ("pem", "chain", "root")


@cert.command("list")
def list_certificates(
    application: Annotated[
        str | None,
        typer.Argument(
            help="Slug or id of an Application; - for the legacy scope. Default: all that you may see."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A whole name.")] = None,
    name_ends: Annotated[str | None, typer.Option(help="The end of a name, such as .example.com.")] = None,
    serial: Annotated[str | None, typer.Option(help="Serial number, hex.")] = None,
    status: Annotated[CertificateStatus | None, typer.Option(help="Only those with this status.")] = None,
    expires_before: Annotated[
        str | None, typer.Option(help="Only those that expire before, such as 2027-01-31T00:00:00Z.")
    ] = None,
    metadata: Metadata = None,
    view: Annotated[str | None, typer.Option(help="Slug or id of a saved search of the Application.")] = None,
    sort: Annotated[CertificateSort, typer.Option(help="What comes first.")] = CertificateSort.EXPIRY,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List certificates, those that expire next first."""
    query = given(name=name, name_ends=name_ends, serial=serial, status=status, saved_search=view)
    query |= given(expires_before=expires_before, metadata=metadata) | {"sort": sort}
    if application is None:
        found = certificates(limit, **query)
    else:
        query |= {"application": "none"} if application == "-" else {}
        found = pages(f"{scope(application)}/certificates", limit, **query)
    rows: list[Json] = []
    with counting("certificates read") as report:
        for row in islice(found, limit):
            rows.append(row)
            report(len(rows))
    listed(rows, COLUMNS if application else (COLUMNS[0], "application", *COLUMNS[1:]), as_json)


@cert.command("show")
def show_certificate(certificate: Ident, as_json: AsJson = False) -> None:
    """Show a certificate."""
    shown(call("GET", f"/certificates/{certificate_id(certificate)}"), as_json, *FILES)


@cert.command("renew")
def renew_certificate(
    certificate: Ident,
    csr: Annotated[Path | None, typer.Option(help="PEM file with a CSR for a key that you keep.")] = None,
    same_key: Annotated[bool, typer.Option("--same-key", help="Keep the present key.")] = False,
    wait: Wait = False,
    timeout: Timeout = LONGEST_WAIT,
    as_json: AsJson = False,
) -> None:
    """Request the next certificate of the lineage: same names and TTL, new key."""
    body: dict[str, object] = {"same_key": same_key, **({"csr": read_text(csr)} if csr else {})}
    row = create(f"/certificates/{certificate_id(certificate)}/renew", body)
    show_outcome(row, wait=wait, timeout=timeout, as_json=as_json)


@cert.command("revoke")
def revoke_certificate(
    certificate: Ident,
    reason: Annotated[
        RevocationReason,
        typer.Option(help="Reason code of RFC 5280; certificateHold can be released again."),
    ] = RevocationReason.UNSPECIFIED,
    wait: Wait = False,
    timeout: Timeout = LONGEST_WAIT,
) -> None:
    """Revoke a certificate, or put it on hold; where an approval policy guards that, request it."""
    answer = call("POST", f"/certificates/{certificate_id(certificate)}/revoke", {"reason": reason})
    # The API answers with the certificate, or with the revocation request that an approval policy requires.
    if "certificate_id" in answer and not revocation.report(answer, wait=wait, timeout=timeout):
        return
    out.print("on hold" if reason is RevocationReason.CERTIFICATE_HOLD else "revoked")


@cert.command("release")
def release_certificate(certificate: Ident) -> None:
    """End the hold of a certificate."""
    call("POST", f"/certificates/{certificate_id(certificate)}/release")
    out.print("released")


@cert.command("renewal")
def show_renewal(
    certificate: Ident,
    auto: Annotated[
        AutoRenewal | None, typer.Option(help="Change it first: on, off, or as the rule of the profile says.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show when and why a certificate is renewed automatically, or why it is not."""
    path = f"/certificates/{certificate_id(certificate)}/renewal"
    present = call("GET", path)
    if auto:  # PUT replaces both members, so the override is sent back as it was read
        decision = {"auto_renew": None if auto is AutoRenewal.PROFILE else auto is AutoRenewal.ON}
        present = call("PUT", path, {**decision, "renewal_override": present.get("renewal_override")})
    shown(present, as_json)


@cert.command("import")
def import_certificate(
    application: Application,
    file: Annotated[Path, typer.Argument(help="PEM, DER or PKCS#12; what it is, is detected.")],
    pkcs12: Annotated[bool, typer.Option("--pkcs12", help="Refuse a file that is no PKCS#12.")] = False,
    key: Annotated[Path | None, typer.Option(help="File with the private key, PEM or DER.")] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File with the password of key or PKCS#12 in its first line. Default: a prompt."),
    ] = None,
    entry: Annotated[
        str | None, typer.Option(help="Name or fingerprint of the entry, if the file has several.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Profile whose policy the certificate must satisfy.")
    ] = None,
    metadata: Metadata = None,
    as_json: AsJson = False,
) -> None:
    """Import a certificate that was issued elsewhere."""
    body = given(metadata=pairs(metadata or (), "--metadata"), profile=profile, entry=entry)
    found, beside = given_file(file), given_file(key) if key else None
    if found.pkcs12 is not None:
        body["pkcs12"] = base64.b64encode(found.pkcs12).decode()
        body["password"] = password_for(str(file), password_file)
    elif pkcs12:
        fail(f"{file} is no PKCS#12.")
    else:
        body["certificate"] = found.text
        body |= {"private_key": beside.text} if beside else {}
        if encrypted := next((one for one in (beside, found) if one and one.is_encrypted()), None):
            body["password"] = password_for(str(encrypted.path), password_file)
    row = create(f"/applications/{application}/certificates", body)
    shown(row, as_json, *FILES)
