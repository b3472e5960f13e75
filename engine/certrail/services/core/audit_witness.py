"""The last head of the audit chain that this installation wrote, in a file outside the database.

A head that was sealed once can be put back, with all events behind it deleted: every seal and every link is genuine
then. Only what is kept elsewhere shows it. This file is kept without anybody having to think of it, beside the keyring
and sealed under it; a head noted by a person (`audit verify --head`) is for the case that both are put back together.
"""

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.purposes import AUDIT_WITNESS_PURPOSE
from certrail.domain.audit_chain import START, ChainPosition
from certrail.domain.errors import BadInput

log = logging.getLogger(__name__)

FILE_NAME = "audit-witness"
RECORD_BYTES = 512
"""One record of fixed length, written in one call: a crash leaves the old one or the new one."""


class AuditWitness:
    """Advances with every commit of this host, and never goes back."""

    def __init__(self, file: Path, keyring: Keyring) -> None:
        self._file, self._keyring = file, keyring
        self._refused: ChainPosition | None = None

    def position(self) -> ChainPosition | None:
        """What was written last; ``None`` when nothing was. Raises KeyringError when it cannot be opened."""
        try:
            return self._parsed(self._file.read_bytes())
        except FileNotFoundError:
            return None

    def advance(
        self, before: ChainPosition, after: ChainPosition, hash_at: Callable[[int], str | None]
    ) -> None:
        """Remember the head that a commit wrote, unless the chain no longer passes through what is remembered.

        Args:
            before: the head that the commit extended.
            hash_at: hash of an event in the database, asked when other hosts wrote meanwhile.
        """
        try:
            with _locked(self._file) as handle:
                known = self._parsed(os.pread(handle, RECORD_BYTES, 0)) or START
                if known.seq >= after.seq and known != before:
                    self._refuse_unless_passed(known, hash_at)
                    return
                # Another host, or a process that ended between commit and file, may have written in between.
                if known not in (before, START) and hash_at(known.seq) != known.hash:
                    self._refuse(known)
                    return
                self._write(handle, after)
        except (OSError, KeyringError, BadInput) as problem:
            log.error("the audit witness %s cannot be kept: %s", self._file.name, problem)

    def restart(self, position: ChainPosition) -> None:
        """Remember another head, after a person accepted that the database was set back."""
        with _locked(self._file) as handle:
            self._write(handle, position)

    def _refuse_unless_passed(self, known: ChainPosition, hash_at: Callable[[int], str | None]) -> None:
        # Two commits may reach this file in the other order; then the newer one is in the database.
        if hash_at(known.seq) != known.hash:
            self._refuse(known)

    def _refuse(self, known: ChainPosition) -> None:
        if self._refused != known:
            self._refused = known
            log.error(
                "the audit log no longer holds event %s as it was written here: it was set back or rewritten."
                " Run: certrail audit verify",
                known.seq,
            )

    def _write(self, handle: int, position: ChainPosition) -> None:
        sealed = self._keyring.seal(str(position).encode(), AUDIT_WITNESS_PURPOSE)
        os.pwrite(handle, sealed.ljust(RECORD_BYTES).encode(), 0)

    def _parsed(self, content: bytes) -> ChainPosition | None:
        text = content.decode("ascii", "replace").strip()
        if not text:
            return None
        return ChainPosition.parse(self._keyring.open(text, AUDIT_WITNESS_PURPOSE).decode())


class _locked:
    """The file, created if missing, under an exclusive `flock`: processes of one host write to it."""

    def __init__(self, file: Path) -> None:
        self._file, self._handle = file, -1

    def __enter__(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(self._file, flags, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        return self._handle

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)
