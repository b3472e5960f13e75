"""`certrail backup`."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from certrail_server.cli.common import err, fail, out
from certrail_server.cli.local.installation import database_errors, folder_of, joined, settings
from certrail_server.cli.support.remote import AsJson
from certrail_server.words import counted

if TYPE_CHECKING:
    from certrail.crypto.keyring import Keyring
    from certrail_server.backup.archive import Manifest
    from certrail_server.settings import Settings

app = typer.Typer(no_args_is_help=True)

STANDARD = "-"
LARGEST_PASSPHRASE = 1024
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="File whose first line is the passphrase of the keyring within the backup, 16 characters or more.",
    ),
]


@app.command()
def create(
    target: Annotated[
        str,
        typer.Argument(help="New file, a folder to make one in, or - for standard output.", metavar="FILE"),
    ],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the database to one file while certrail runs; the keyring only under a passphrase."""
    from certrail.services.operations.schema_watch import prepare
    from certrail_server.backup.archive import BackupError
    from certrail_server.backup.create import create as make

    parts = joined()
    with database_errors(), _refused(), tempfile.TemporaryDirectory() as folder:
        prepare(parts.context.db, parts.context.keyring)
        if target == STANDARD and sys.stdout.isatty():
            raise BackupError("A backup is no text for a terminal: redirect it to a file.")
        file = Path(folder) / "backup" if target == STANDARD else _named(Path(target), parts.context.clock())
        made = make(parts, file, _passphrase(passphrase_file))
        if target == STANDARD:
            with file.open("rb") as read:
                shutil.copyfileobj(read, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    where = "" if target == STANDARD else f" in {escape(str(file))}"
    err.print(f"{_summary(made.manifest)}, {made.size} bytes{where}", highlight=False, soft_wrap=True)
    if passphrase_file is None:
        err.print("The keyring is not in it: keep that elsewhere, as it opens every secret of the backup.")


@app.command()
def verify(
    source: Annotated[str, typer.Argument(help="Backup, or - for standard input.", metavar="FILE")],
    as_json: AsJson = False,
) -> None:
    """Check that a backup is whole and unaltered, without a database; exit code 1 when it is not."""
    from certrail_server.backup import restore

    keyring = _present_keyring(settings())
    with _refused(), _given(source) as file, restore.opened(file) as archive:
        restore.verify(archive, keyring)
        manifest = archive.manifest
    if as_json:
        facts = {**manifest.model_dump(mode="json"), "seal_checked": keyring is not None}
        typer.echo(json.dumps(facts, indent=2))
        return
    out.print(f"[green]ok[/green] {_summary(manifest)}", highlight=False, soft_wrap=True)
    if keyring is None:
        out.print("The seal of the manifest was not checked: the keyring is not here.")


@app.command("restore")
def restore_backup(
    source: Annotated[str, typer.Argument(help="Backup, or - for standard input.", metavar="FILE")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Fill the empty database that the settings name, and check all of it; stop servers and workers of the old one."""
    from certrail_server.backup import restore

    chosen, passphrase = settings(), _passphrase(passphrase_file)
    with database_errors(), _refused(), _given(source) as file, restore.opened(file) as archive:
        secrets = restore.restore(chosen, archive, passphrase)
        summary = _summary(archive.manifest)
    where = escape(str(folder_of(chosen))) if chosen.database_file() else "the database"
    out.print(
        f"restored {where}: {summary}, {counted(secrets, 'secret')} opened", highlight=False, soft_wrap=True
    )
    out.print("When server and worker start, workflows of everything that is under way are started again.")


def _summary(manifest: "Manifest") -> str:
    rows = counted(sum(manifest.rows.values()), "row")
    return f"backup of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: {rows}, events to {manifest.head}"


def _named(target: Path, now: datetime) -> Path:
    return target / f"certrail-{now:%Y%m%dT%H%M%SZ}.backup" if target.is_dir() else target


def _passphrase(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as read:
            line = read.readline(LARGEST_PASSPHRASE)
    except (OSError, UnicodeDecodeError) as problem:
        fail(f"The passphrase cannot be read from {file}: {getattr(problem, 'strerror', 'it is not text')}.")
    return line.rstrip("\r\n")


@contextmanager
def _given(source: str) -> Iterator[Path]:
    """The file, or what comes on standard input as a file: a directory at the end is read first."""
    if source != STANDARD:
        yield Path(source)
        return
    with tempfile.NamedTemporaryFile(prefix="certrail-", suffix=".backup") as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.flush()
        yield Path(spooled.name)


@contextmanager
def _refused() -> Iterator[None]:
    from certrail.pki.weak_keys import BlocklistError
    from certrail_server.backup.archive import BackupError

    try:
        yield
    except (BackupError, BlocklistError) as problem:
        fail(str(problem))


def _present_keyring(chosen: "Settings") -> "Keyring | None":
    """The keyring, where there is one: none is made for a check."""
    from certrail.crypto.keyring import KeyringError
    from certrail_server.bootstrap import load_keyring

    try:
        there = chosen.keyring is not None or chosen.keyring_path().exists()
        return load_keyring(chosen, make=False) if there else None
    except KeyringError as problem:
        fail(str(problem))
