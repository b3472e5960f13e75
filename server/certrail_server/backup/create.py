"""Makes a backup while servers and workers run."""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from certrail.crypto.passphrase import PassphraseError, wrap
from certrail.crypto.purposes import BACKUP_PURPOSE
from certrail.domain.audit_chain import ChainPosition
from certrail.domain.events.operations import BackupMade
from certrail.persistence.copies import Copies, CopyError, SqliteCopies
from certrail.persistence.database import Database
from certrail.persistence.postgres_copies import PostgresCopies
from certrail.services.core.actor import SYSTEM
from certrail_server.backup.archive import KEYRING_PART, BackupError, Manifest, part_of, write
from certrail_server.bootstrap import App

PRIVATE = 0o600


@dataclass(frozen=True)
class Made:
    """A backup that was made."""

    manifest: Manifest
    ident: str
    size: int


def copies_of(database: Database) -> Copies:
    """How copies of this kind of database are made."""
    return SqliteCopies() if database.is_sqlite else PostgresCopies()


def create(app: App, target: Path, passphrase: str | None) -> Made:
    """Write a backup to a new file, whole or not at all, readable by its owner only.

    Args:
        passphrase: the keyring is within the backup under it; ``None`` leaves the keyring out.

    Raises:
        BackupError: nothing was written.
    """
    if target.exists():
        raise BackupError(f"{target} is there already; give a new name.")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as problem:
        raise BackupError(f"{target.parent} cannot be written: {problem.strerror}.") from None
    try:
        made = _written(app, folder, passphrase)
        (folder / "backup").chmod(PRIVATE)
        # Made beside its place: whoever finds it finds all of it.
        (folder / "backup").rename(target)
    except (CopyError, PassphraseError) as problem:
        raise BackupError(str(problem)) from None
    except OSError as problem:
        raise BackupError(f"{target} cannot be written: {problem.strerror}.") from None
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
    with app.context.unit_of_work(SYSTEM) as uow:
        event = BackupMade(made.ident, events=made.manifest.events, with_keyring=passphrase is not None)
        uow.record(event)
    return made


def _written(app: App, folder: Path, passphrase: str | None) -> Made:
    keyring, copies = app.context.keyring, copies_of(app.context.db)
    # First: a passphrase that is too short is refused before the long part.
    if passphrase is not None:
        (folder / KEYRING_PART).write_bytes(wrap(keyring.to_text().encode(), passphrase, BACKUP_PURPOSE))
    found = copies.copy(app.context.db, folder / copies.part)
    names = [copies.part, *([KEYRING_PART] if passphrase is not None else [])]
    manifest = Manifest(
        made_at=app.context.clock(),
        certrail=version("certrail"),
        database=copies.kind,
        revision=found.revision,
        rows=found.rows,
        head=str(ChainPosition(*found.head)),
        keys=keyring.key_ids,
        parts={name: part_of(folder / name) for name in names},
    )
    ident = write(folder / "backup", manifest, keyring, folder)
    return Made(manifest, ident, (folder / "backup").stat().st_size)
