"""`certrail request`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import err, out, waiting
from certrail_server.cli.support.choices import KeyAlgorithm, RequestStatus
from certrail_server.cli.support.names import object_id
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
from certrail_server.cli.tables import SHORT_ID, inside, listed, named, shown

request = typer.Typer(help="Certificate requests.", no_args_is_help=True)

Application = Annotated[str, typer.Argument(help="Slug or id of the Application.")]
Ident = Annotated[str, typer.Argument(help="Id, or its unique beginning.")]
Metadata = Annotated[list[str] | None, typer.Option(help="name=value; repeat for more.")]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the request is issued or has failed; print what it waits for."),
]
Timeout = Annotated[
    float,
    typer.Option(
        help="Seconds to wait at most; after them the exit code is 3, and the request goes on.", min=0
    ),
]
LONGEST_WAIT = 3600.0
POLL_SECONDS = 10.0
TIMED_OUT = 3
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
        csr=read_text(csr) if csr else None,
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
    """Cancel a request that waits for approval."""
    call("POST", f"/certificate-requests/{object_id('certificate-request', ident)}/cancel")
    out.print("cancelled")


@request.command("retry")
def retry_request(ident: Ident) -> None:
    """Retry a failed request; a granted approval stays valid."""
    call("POST", f"/certificate-requests/{object_id('certificate-request', ident)}/retry")
    out.print("queued")


def show_outcome(row: Json, *, wait: bool, timeout: float, as_json: bool) -> None:
    """Print a request, after waiting for its outcome if asked to; exit code 1 for one without a certificate."""
    if wait:
        row = _outcome(row, timeout)
    shown(row, as_json)
    if wait and row["status"] in OPEN:
        err.print(f"Not decided after {timeout:g} seconds: {stage(row)}.", highlight=False)
        raise typer.Exit(TIMED_OUT)
    if row["status"] not in (*OPEN, RequestStatus.ISSUED):
        raise typer.Exit(1)


def stage(row: Json) -> str:
    """What a request waits for, in words."""
    if row["status"] != RequestStatus.PENDING_APPROVAL:
        return "signing" if row["status"] in OPEN else str(row["status"])
    if (approval_id := row.get("approval_request_id")) is None:
        return "waiting for approval"
    approval = call("GET", f"/approval-requests/{approval_id}")
    steps, current = approval["steps"], approval["current_step"]
    votes = sum(
        vote["decision"] == "approve" and vote["step"] == current and vote["round"] == approval["round"]
        for vote in approval["votes"]
    )
    if current >= len(steps):
        return "waiting for approval"
    step = steps[current]
    return (
        f"waiting for approval: step {current + 1} of {len(steps)} ({step['name']}),"
        f" {votes} of {step['quorum']} votes"
    )


def _outcome(row: Json, timeout: float) -> Json:
    """The request when it is decided, or when the time is over."""
    deadline, printed = time.monotonic() + timeout, ""
    with waiting(f"request {row['id'][:SHORT_ID]}") as show:
        while row["status"] in OPEN:
            if (now := stage(row)) != printed:
                show(now)
                printed = now
            left = deadline - time.monotonic()
            if left <= 0:
                break
            row = call("GET", f"/certificate-requests/{row['id']}", wait=min(POLL_SECONDS, left))
    return row
