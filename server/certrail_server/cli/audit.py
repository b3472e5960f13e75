"""`audit`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.domain.errors import BadInput
from certrail.domain.record import Place, Verifier
from certrail.services.record import Progress, verify_export
from certrail_server.bootstrap import load_keyring
from certrail_server.cli.common import counting, err, fail, joined, out, settings, told
from certrail_server.serve import prepare
from certrail_server.settings import Settings

app = typer.Typer(help="The record of events.", no_args_is_help=True)
SHOWN_FAULTS = 20


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export to verify, without a database. Default: the database.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="NUMBER:HASH, a head that was noted elsewhere: finds an older record put back."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Follow the chain from the first event to the head. Exit code 1 when anything was tampered with."""
    remembered = _place(head) if head else None
    with counting("events verified") as report:
        found, sealed = (
            _verify_file(file, report, remembered) if file else (_verify_database(report, remembered), True)
        )
    if as_json:
        facts = {
            "events": found.seq,
            "hash": found.hash,
            "head": str(Place(found.seq, found.hash)),
            "seal_checked": sealed,
            "faults": found.faults,
        }
        typer.echo(json.dumps(facts, indent=2))
    else:
        _tell(found, sealed)
    if found.faults:
        raise typer.Exit(1)


@app.command()
def export(
    output: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
) -> None:
    """Write the whole record as JSON lines, which `audit verify FILE` follows anywhere."""
    parts = joined()
    with told():
        prepare(parts.kernel.db)
    with counting("events written") as report:
        if output is None:
            parts.services.record.export(sys.stdout, report)
            return
        try:
            with output.open("w", encoding="ascii") as file:
                count = parts.services.record.export(file, report)
        except OSError as problem:
            fail(f"{output} cannot be written: {problem.strerror}.")
    err.print(f"{count} events written to {escape(str(output))}", highlight=False, soft_wrap=True)


def _place(text: str) -> Place:
    try:
        return Place.parse(text)
    except BadInput as problem:
        fail(problem.detail)


def _verify_database(report: Progress, remembered: Place | None) -> Verifier:
    parts = joined()
    with told():
        prepare(parts.kernel.db)
        return parts.services.record.verify(report, remembered)


def _verify_file(path: Path, report: Progress, remembered: Place | None) -> tuple[Verifier, bool]:
    keyring = _present_keyring(settings())
    try:
        with path.open(encoding="ascii") as file:
            return verify_export(file, keyring, report, remembered), keyring is not None
    except OSError as problem:
        fail(f"{path} cannot be read: {problem.strerror}.")
    except (BadInput, UnicodeDecodeError) as problem:
        fail(getattr(problem, "detail", f"{path} is no export of a record."))


def _present_keyring(chosen: Settings) -> Keyring | None:
    """The keyring, where there is one: whoever verifies an export elsewhere has none, and none is made."""
    try:
        return load_keyring(chosen) if chosen.keyring or chosen.keyring_path().exists() else None
    except KeyringError as problem:
        fail(str(problem))


def _tell(found: Verifier, sealed: bool) -> None:
    for fault in found.faults[:SHOWN_FAULTS]:
        out.print("[red]FAULT[/red]", escape(fault), highlight=False, soft_wrap=True)
    if len(found.faults) > SHOWN_FAULTS:
        out.print(f"and {len(found.faults) - SHOWN_FAULTS} faults more")
    if found.faults:
        return
    head = Place(found.seq, found.hash)
    out.print(f"[green]ok[/green] {found.seq} events, head {head}", highlight=False, soft_wrap=True)
    if not sealed:
        out.print("The seal of the head was not checked: the keyring is not here.")
