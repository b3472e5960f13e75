"""`certrail audit`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from certrail_server.cli.common import counting, err, fail, out
from certrail_server.cli.local.installation import database_errors, services, settings
from certrail_server.cli.support.remote import AsJson, Limit, events, scope
from certrail_server.cli.tables import listed
from certrail_server.words import counted

if TYPE_CHECKING:
    from certrail.crypto.keyring import Keyring
    from certrail.domain.audit_chain import ChainPosition, Verifier
    from certrail.services.core.audit_log import Progress
    from certrail_server.settings import Settings

app = typer.Typer(no_args_is_help=True)
SHOWN_FAULTS = 20
EVENT_COLUMNS = (
    ("number", "seq"),
    ("time", "created_at"),
    ("event", "type"),
    ("by", "actor_name"),
    ("about", "subject_id"),
)


@app.command("list")
def list_events(
    application: Annotated[str | None, typer.Option("--app", help="Only of this Application.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Only of this type, such as certificate.issued.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only about the object with this id.")] = None,
    after: Annotated[int, typer.Option(help="Only those after this number.", min=0)] = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List events, oldest first."""
    path = f"{scope(application)}/events" if application else "/audit/events"
    rows = list(events(path, limit, after=after, type=type_, subject=subject))
    listed(rows, EVENT_COLUMNS, as_json)


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="Export to verify without a database. Default: the database.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="NUMBER:HASH, a chain head noted elsewhere, which detects a restored older log."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Verify the audit chain from the first event to the head; exit code 1 when it was tampered with."""
    remembered = _chain_head(head) if head else None
    with counting("events verified") as report:
        found, sealed = (
            _verify_file(file, report, remembered) if file else (_verify_database(report, remembered), True)
        )
    if as_json:
        facts = {
            "events": found.seq,
            "hash": found.hash,
            "head": f"{found.seq}:{found.hash}",
            "seal_checked": sealed,
            "faults": found.faults,
        }
        typer.echo(json.dumps(facts, indent=2))
    else:
        _print_result(found, sealed)
    if found.faults:
        raise typer.Exit(1)


@app.command()
def export(
    output: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
) -> None:
    """Write the whole audit log as JSON lines, which `audit verify FILE` verifies anywhere."""
    audit_log = services().audit_log
    with counting("events written") as report:
        if output is None:
            audit_log.export(sys.stdout, report)
            return
        try:
            with output.open("w", encoding="ascii") as file:
                count = audit_log.export(file, report)
        except OSError as problem:
            fail(f"{output} cannot be written: {problem.strerror}.")
    err.print(f"{counted(count, 'event')} written to {escape(str(output))}", highlight=False, soft_wrap=True)


@app.command()
def accept() -> None:
    """Accept the database after an older copy was put back: the witness goes on from its head, workflows look again."""
    from certrail.domain.audit_chain import AuditLogTampered

    parts = services()
    record = parts.audit_log
    with database_errors():
        try:
            remembered = record.accept()
            if remembered is not None and remembered.seq > record.head().seq:
                # The workflows are of a later time than the database, whichever tool put it back.
                parts.reconciliation.database_restored()
        except AuditLogTampered as problem:
            fail(f"{problem.detail}. Only a log that is older than the witness, and whole, is accepted.")
    before = f"it remembered {remembered}" if remembered else "it remembered nothing"
    out.print(f"The witness goes on from {record.head().seq}; {before}.", highlight=False, soft_wrap=True)


def _chain_head(text: str) -> "ChainPosition":
    from certrail.domain.audit_chain import ChainPosition
    from certrail.domain.errors import BadInput

    try:
        return ChainPosition.parse(text)
    except BadInput as problem:
        fail(problem.detail)


def _verify_database(report: "Progress", remembered: "ChainPosition | None") -> "Verifier":
    audit_log = services().audit_log
    with database_errors():
        return audit_log.verify(report, remembered)


def _verify_file(
    path: Path, report: "Progress", remembered: "ChainPosition | None"
) -> "tuple[Verifier, bool]":
    from certrail.domain.errors import BadInput
    from certrail.services.core.audit_log import verify_export

    keyring = _present_keyring(settings())
    try:
        with path.open(encoding="ascii") as file:
            return verify_export(file, keyring, report, remembered), keyring is not None
    except OSError as problem:
        fail(f"{path} cannot be read: {problem.strerror}.")
    except (BadInput, UnicodeDecodeError) as problem:
        fail(getattr(problem, "detail", f"{path} is not an export of an audit log."))


def _present_keyring(chosen: "Settings") -> "Keyring | None":
    """The keyring, where there is one: whoever verifies an export elsewhere has none, and none is made."""
    from certrail.crypto.keyring import KeyringError
    from certrail_server.bootstrap import load_keyring

    try:
        return load_keyring(chosen) if chosen.keyring or chosen.keyring_path().exists() else None
    except KeyringError as problem:
        fail(str(problem))


def _print_result(found: "Verifier", sealed: bool) -> None:
    for fault in found.faults[:SHOWN_FAULTS]:
        out.print("[red]FAULT[/red]", escape(fault), highlight=False, soft_wrap=True)
    if len(found.faults) > SHOWN_FAULTS:
        out.print(f"and {len(found.faults) - SHOWN_FAULTS} faults more")
    if found.faults:
        return
    head = f"{found.seq}:{found.hash}"
    out.print(
        f"[green]ok[/green] {counted(found.seq, 'event')}, head {head}", highlight=False, soft_wrap=True
    )
    if not sealed:
        out.print("The seal of the head and the keyed links were not checked: the keyring is not here.")
