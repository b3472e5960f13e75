"""The file of a backup: a ZIP with a manifest, the seal of the manifest, and the parts that the manifest names.

The directory of a ZIP is at its end, so that a file that was cut off is never taken for a whole one. Nothing is
unpacked before the manifest is known to be genuine: it bounds the sizes.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.purposes import BACKUP_PURPOSE
from certrail_server.words import counted

FORMAT, VERSION = "certrail-backup", 1
MANIFEST, SEAL = "manifest.json", "manifest.seal"
KEYRING_PART = "keyring.wrapped"
LARGEST_MANIFEST, LARGEST_SEAL, LARGEST_KEYRING = 1 << 20, 4096, 1 << 20
CHUNK = 1 << 20
DATE_OF_MEMBERS = (1980, 1, 1, 0, 0, 0)


class BackupError(Exception):
    """A backup cannot be made or restored; the message says what to do."""


class Part(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(extra="forbid")

    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a backup holds.

    Attributes:
        revision: of the schema.
        rows: how many, by table.
        head: of the audit log, ``NUMBER:HASH``.
        keys: ids of the keyring's keys when it was made.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["certrail-backup"] = "certrail-backup"
    version: Literal[1] = 1
    made_at: datetime
    certrail: str
    database: Literal["sqlite", "postgresql"]
    revision: str
    rows: Mapping[str, int]
    head: str
    keys: Sequence[str]
    parts: Mapping[str, Part]

    @property
    def events(self) -> int:
        """The number of the last event."""
        return int(self.head.partition(":")[0])


def digest(text: bytes) -> str:
    """SHA-256 in hex; of a manifest it is the backup's id."""
    return hashlib.sha256(text).hexdigest()


def part_of(file: Path) -> Part:
    """Size and digest of a file."""
    hashed, size = hashlib.sha256(), 0
    with file.open("rb") as read:
        while chunk := read.read(CHUNK):
            hashed.update(chunk)
            size += len(chunk)
    return Part(size=size, sha256=hashed.hexdigest())


def write(target: Path, manifest: Manifest, keyring: Keyring, folder: Path) -> str:
    """Write a backup of the parts in a folder; returns its id."""
    text = manifest.model_dump_json(indent=1).encode()
    ident = digest(text)
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_member(MANIFEST), text)
        archive.writestr(_member(SEAL), keyring.seal(ident.encode(), BACKUP_PURPOSE))
        for name in manifest.parts:
            member = _member(name)
            member.file_size = manifest.parts[name].size
            with (folder / name).open("rb") as read, archive.open(member, "w", force_zip64=True) as written:
                while chunk := read.read(CHUNK):
                    written.write(chunk)
    return ident


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, DATE_OF_MEMBERS)
    member.external_attr = 0o600 << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


class Archive:
    """A backup that is read. Raises BackupError throughout."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except OSError as problem:
            raise BackupError(f"{file} cannot be read: {problem.strerror}.") from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise BackupError(f"{file} is no backup of certrail, or was cut off.") from None
        try:
            self._text = self._small(MANIFEST, LARGEST_MANIFEST)
            self.manifest = self._parsed()
            self._require_members()
        except BaseException:
            self.close()
            raise

    @property
    def ident(self) -> str:
        """The backup's id."""
        return digest(self._text)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def require_genuine(self, keyring: Keyring) -> None:
        """Refuse a manifest that this keyring did not seal: it, or a part with its digest, was changed."""
        missing = sorted(set(self.manifest.keys) - set(keyring.key_ids))
        if missing:
            raise BackupError(
                f"The keyring has no key {', '.join(missing)}, under which secrets of this backup are sealed. Use the"
                " keyring of the installation that the backup was made of."
            )
        try:
            sealed = keyring.open(self._small(SEAL, LARGEST_SEAL).decode("ascii", "replace"), BACKUP_PURPOSE)
        except KeyringError as problem:
            raise self._altered(f"its seal cannot be opened: {problem}") from None
        if sealed != self.ident.encode():
            raise self._altered("its seal is that of another manifest")

    def extract(self, name: str, target: Path) -> None:
        """Write a part to a new file, and compare it with the manifest."""
        expected, hashed, size = self.manifest.parts[name], hashlib.sha256(), 0
        try:
            with self._zip.open(name) as read, target.open("xb") as written:
                while chunk := read.read(CHUNK):
                    size += len(chunk)
                    if size > expected.size:
                        break
                    hashed.update(chunk)
                    written.write(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise self._altered(f"{name} is damaged") from None
        if (size, hashed.hexdigest()) != (expected.size, expected.sha256):
            raise self._altered(f"{name} is not as the manifest says")

    def _small(self, name: str, largest: int) -> bytes:
        """The content of a short member."""
        try:
            with self._zip.open(name) as read:
                text = read.read(largest + 1)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise BackupError(
                f"{self.file} is no backup of certrail, or was altered: {name} is missing or damaged."
            ) from None
        if len(text) > largest:
            raise self._altered(f"{name} is too large")
        return text

    def _parsed(self) -> Manifest:
        try:
            given = json.loads(self._text)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict) or given.get("format") != FORMAT:
            raise BackupError(f"{self.file} is no backup of certrail.")
        version = given.get("version")
        if isinstance(version, int) and version > VERSION:
            raise BackupError(
                f"{self.file} has format {version} and was made by a newer certrail, {given.get('certrail')}; this one"
                f" reads up to format {VERSION}. Restore it with that version."
            )
        try:
            return Manifest.model_validate(given)
        except ValidationError as wrong:
            raise self._altered(f"{counted(wrong.error_count(), 'fault')} in {MANIFEST}") from None

    def _require_members(self) -> None:
        """Exactly those of the manifest, each once, and no other name than ours: none is a path."""
        known = {MANIFEST, SEAL, KEYRING_PART, "database.sqlite3", "database.dump"}
        expected = sorted([MANIFEST, SEAL, *self.manifest.parts])
        if sorted(self._zip.namelist()) != expected or not set(expected) <= known:
            raise self._altered("it has other files than its manifest names")
        # It is read before the seal can be verified, which only it can open.
        keyring = self.manifest.parts.get(KEYRING_PART)
        if keyring is not None and keyring.size > LARGEST_KEYRING:
            raise self._altered(f"{KEYRING_PART} is too large")

    def _altered(self, what: str) -> BackupError:
        return BackupError(f"{self.file} was altered or damaged: {what}. Use another copy of it.")
