"""Fills an empty place from a backup, and checks everything before it may be used."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.passphrase import PassphraseError, unwrap
from certrail.crypto.purposes import BACKUP_PURPOSE
from certrail.domain.audit_chain import ChainPosition
from certrail.domain.events.operations import BackupRestored
from certrail.persistence.copies import CopyError, contents
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate, newest
from certrail.services.core.actor import SYSTEM
from certrail.services.core.audit_seal import empty_head
from certrail.services.facade import Services
from certrail_server.backup.archive import KEYRING_PART, Archive, BackupError
from certrail_server.backup.create import copies_of
from certrail_server.bootstrap import PRIVATE, build, load_keyring, secure_folder
from certrail_server.settings import Settings


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """A backup, closed at the end. Raises BackupError."""
    archive = Archive(file)
    try:
        yield archive
    finally:
        archive.close()


def verify(archive: Archive, keyring: Keyring | None) -> None:
    """Compare every part with the manifest, and the manifest with its seal where there is a keyring.

    Raises:
        BackupError: it is not whole, or was altered.
    """
    if keyring is not None:
        archive.require_genuine(keyring)
    with tempfile.TemporaryDirectory() as folder:
        for name in archive.manifest.parts:
            archive.extract(name, Path(folder) / name)


def restore(settings: Settings, archive: Archive, passphrase: str | None) -> int:
    """Fill the empty database that the settings name; returns how many secrets were opened.

    Nothing stays of a restore that fails, neither a database nor a keyring.

    Args:
        passphrase: of the keyring within the backup; not needed where the keyring is in its place.

    Raises:
        BackupError: the place is not empty, the backup is not whole, or what it holds fails a check.
    """
    _require_known(archive)
    settings.data_dir.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    if (file := settings.database_file()) is not None:
        file.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    try:
        secure_folder(settings.data_dir)
        with _keyring_in_place(settings, archive, passphrase) as keyring:
            archive.require_genuine(keyring)
            return _filled(settings, archive)
    except (CopyError, PassphraseError, KeyringError) as problem:
        raise BackupError(str(problem)) from None


def _require_known(archive: Archive) -> None:
    manifest = archive.manifest
    if manifest.revision > newest():
        raise BackupError(
            f"The backup has schema {manifest.revision} and was made by a newer certrail, {manifest.certrail}; this one"
            f" knows schemas up to {newest()}. Restore it with that version."
        )


@contextmanager
def _keyring_in_place(settings: Settings, archive: Archive, passphrase: str | None) -> Iterator[Keyring]:
    """The keyring that is there, else the one within the backup; that one goes again if the block raises."""
    path = settings.keyring_path()
    if settings.keyring is not None or path.exists():
        yield load_keyring(settings, make=False)
        return
    if KEYRING_PART not in archive.manifest.parts:
        raise BackupError(
            f"There is no keyring at {path.resolve()}, and none is within this backup. Put the keyring of the"
            " installation there, or set CERTRAIL_KEYRING_FILE / CERTRAIL_KEYRING."
        )
    if passphrase is None:
        raise BackupError(
            f"There is no keyring at {path.resolve()}. The one within the backup is under a passphrase: give"
            " --passphrase-file."
        )
    keyring = _unwrapped(archive, passphrase)
    path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    keyring.save(path)
    try:
        yield Keyring.load(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _unwrapped(archive: Archive, passphrase: str) -> Keyring:
    with tempfile.TemporaryDirectory() as folder:
        wrapped = Path(folder) / KEYRING_PART
        archive.extract(KEYRING_PART, wrapped)
        return Keyring.from_text(unwrap(wrapped.read_bytes(), passphrase, BACKUP_PURPOSE).decode())


def _filled(settings: Settings, archive: Archive) -> int:
    app = build(settings, make_keyring=False)
    database, copies = app.context.db, copies_of(app.context.db)
    if archive.manifest.database != copies.kind:
        raise BackupError(
            f"This is a backup of {archive.manifest.database}, and CERTRAIL_DATABASE_URL names {copies.kind}: a backup"
            " is restored to the same kind of database."
        )
    copies.require_empty(database)
    folder = Path(tempfile.mkdtemp(prefix=".restore.", dir=settings.data_dir))
    try:
        archive.extract(copies.part, folder / copies.part)
        with copies.filled(database, folder / copies.part) as filled:
            # Without the witness: it is to remember what stays, not what may fail a check.
            context = replace(app.context, db=filled, audit_witness=None)
            services = Services.build(context)
            opened_secrets = _checked(archive, services, filled)
            services.reconciliation.database_restored()
            with context.unit_of_work(SYSTEM) as uow:
                uow.record(
                    BackupRestored(
                        archive.ident, made_at=archive.manifest.made_at, events=archive.manifest.events
                    )
                )
        if app.context.audit_witness is not None:
            app.services.audit_log.accept()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        database.close()
    return opened_secrets


def _checked(archive: Archive, services: Services, database: Database) -> int:
    """Every row is there, the audit log is whole up to the head of the manifest, and the keyring opens what is sealed.

    Raises:
        BackupError: naming what is not as it was.
        KeyringError: something cannot be opened.
    """
    manifest = archive.manifest
    with database.engine.connect() as connection:
        found = contents(connection)
    if dict(found.rows) != dict(manifest.rows):
        names = sorted(
            name for name in {*found.rows, *manifest.rows} if found.rows.get(name) != manifest.rows.get(name)
        )
        raise BackupError(f"The restored database has other rows than the manifest says: {', '.join(names)}.")
    keyring = services.context.keyring
    migrate(database, lambda: empty_head(keyring))
    verified = services.audit_log.verify(remembered=ChainPosition.parse(manifest.head))
    if verified.faults or verified.seq != manifest.events:
        faults = verified.faults or [f"it ends at {verified.seq} instead of {manifest.events}"]
        raise BackupError(f"The restored audit log is not whole: {faults[0]}.")
    return services.key_rotation.require_opens()
