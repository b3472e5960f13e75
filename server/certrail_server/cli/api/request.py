"""`certrail request`."""

from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.certificates import request_text
from certrail_server.cli.support.choices import KeyAlgorithm, RequestStatus
from certrail_server.cli.support.names import object_id
from certrail_server.cli.support.outcome import (
    LONGEST_WAIT,
    Timeout,
    Wait,
    approval_stage,
    exit_timed_out,
    outcome,
)
from certrail_server.cli.support.remote import (
    AsJson,
    Json,
    Limit,
    call,
    create,
    given,
    pages,
    pairs,
    scope,
)
from certrail_server.cli.tables import inside, listed, named, shown

request = typer.Typer(no_args_is_help=True)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id, or its unique beginning.")]
Metadata = Annotated[list[str] | None, typer.Option(help="name=value; repeat for more.")]
OPEN = (RequestStatus.PENDING_APPROVAL, RequestStatus.APPROVED, RequestStatus.ISSUING)


def _name(row: Json) -> str:
    return named(inside(row, "subject.common_name"), row["sans"])


COLUMNS = ("id", ("name", _name), "status", "reason", ("created", "created_at"))


@request.command("list")
def list_requests(
    application: Application,
    status: Annotated[RequestStatus | None, typer.Option(help="Only those with this status.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the certificate requests of an Application, newest first."""
    rows = list(pages(f"{scope(application)}/certificate-requests", limit, status=status))
    listed(rows, COLUMNS, as_json)


@request.command("show")
def show_request(ident: Ident, as_json: AsJson = False) -> None:
    """Show a certificate request."""
    shown(call("GET", f"/certificate-requests/{object_id('certificate-request', ident)}"), as_json)


@request.command("submit")
def submit_request(
    application: Application,
    profile: Annotated[str, typer.Option(help="Slug or id of the profile.")],
    dns: Annotated[list[str] | None, typer.Option(help="DNS name; repeat for more.")] = None,
    ip: Annotated[list[str] | None, typer.Option(help="IP address; repeat for more.")] = None,
    email: Annotated[list[str] | None, typer.Option(help="E-mail address; repeat for more.")] = None,
    uri: Annotated[list[str] | None, typer.Option(help="URI; repeat for more.")] = None,
    upn: Annotated[list[str] | None, typer.Option(help="User principal name; repeat for more.")] = None,
    common_name: Annotated[str | None, typer.Option(help="Common name of the subject.")] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(
            help="Part of the subject as name=value, such as organization=Example; repeat for more."
        ),
    ] = None,
    csr: Annotated[
        Path | None, typer.Option(help="PEM file with a CSR, which brings subject, names and public key.")
    ] = None,
    ttl: Annotated[str | None, typer.Option(help="TTL, such as 47d. Default: that of the profile.")] = None,
    key_algorithm: Annotated[
        KeyAlgorithm | None, typer.Option(help="Algorithm of the key. Default: that of the profile.")
    ] = None,
    signature_algorithm: Annotated[
        str | None, typer.Option(help="Required signature algorithm, such as ECDSA_SHA256.")
    ] = None,
    key_usage: Annotated[
        list[str] | None, typer.Option(help="Key usage, such as digitalSignature; repeat for more.")
    ] = None,
    extended_key_usage: Annotated[
        list[str] | None, typer.Option(help="Extended key usage, such as serverAuth; repeat for more.")
    ] = None,
    metadata: Metadata = None,
    wait: Wait = False,
    timeout: Timeout = LONGEST_WAIT,
    as_json: AsJson = False,
) -> None:
    """Request a certificate."""
    body = given(
        profile=profile,
        subject=pairs(subject or (), "--subject") | given(common_name=common_name),
        sans=given(dns=dns, ip=ip, email=email, uri=uri, upn=upn),
        csr=request_text(csr) if csr else None,
        ttl=ttl,
        key_algorithm=key_algorithm,
        signature_algorithm=signature_algorithm,
        key_usages=key_usage,
        extended_key_usages=extended_key_usage,
        metadata=pairs(metadata or (), "--metadata"),
    )
    row = create(f"/applications/{application}/certificate-requests", body)
    show_outcome(row, wait=wait, timeout=timeout, as_json=as_json)


@request.command("cancel")
def cancel_request(ident: Ident) -> None:
    """Cancel a request that waits for approval, or is approved and not signed yet."""
    call("POST", f"/certificate-requests/{object_id('certificate-request', ident)}/cancel")
    out.print("cancelled")


@request.command("retry")
def retry_request(ident: Ident) -> None:
    """Retry a failed request, or start an approved one again; a granted approval stays valid."""
    call("POST", f"/certificate-requests/{object_id('certificate-request', ident)}/retry")
    out.print("queued")


def show_outcome(row: Json, *, wait: bool, timeout: float, as_json: bool) -> None:
    """Print a request, after waiting for its outcome if wanted; exit code 1 for one without a certificate."""
    if wait:
        row = outcome("/certificate-requests", row, timeout, unfinished=OPEN, stage=stage)
    shown(row, as_json)
    if wait and row["status"] in OPEN:
        exit_timed_out(timeout, stage(row))
    if row["status"] not in (*OPEN, RequestStatus.ISSUED):
        raise typer.Exit(1)


def stage(row: Json) -> str:
    """What a request waits for, in words."""
    if row["status"] == RequestStatus.PENDING_APPROVAL:
        return approval_stage(row)
    return "signing" if row["status"] in OPEN else str(row["status"])
