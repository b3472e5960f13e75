"""One object on disk: versions side by side, and a link that is swapped in one step."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from certrail_destination_files.reading import Found, read_version
from certrail_destination_files.render import Rendered
from certrail_destination_files.writing import make_folder, sync_folder, write_file
from certrail_sdk import Permanent, Target

MARK = "certrail.json"
NEW_MARK = f"{MARK}.new"
VERSION = re.compile(r"versions/([0-9a-f]{64})(\.\d+)?")


class Folder:
    """The folder of one delivery. Every write is synced before the link names it."""

    def __init__(self, directory: Path, target: Target) -> None:
        self.path = directory / target.name
        self._delivery = target.delivery
        self._versions = self.path / "versions"
        self._current = self.path / "current"
        self._new_link = self.path / "current.new"

    def publish(self, fingerprint: str, files: Rendered) -> bool:
        """Make the files current; ``False`` when they are already. Raises Permanent if not ours."""
        self.require_ours()
        before = self.current()
        if self.holds(fingerprint, files):
            return False
        make_folder(self.path)
        self._mark()
        make_folder(self._versions)
        version = self._write_version(fingerprint, files)
        self._point_at(version)
        self._prune({version, before})
        return True

    def holds(self, fingerprint: str, files: Rendered) -> bool:
        """Whether exactly these files are current."""
        version = self.current()
        if version is None or not version.name.startswith(fingerprint):
            return False
        names = {entry.name for entry in version.iterdir()}
        return names == files.keys() and all(file.stands_at(version / name) for name, file in files.items())

    def remove(self) -> bool:
        """Delete the folder; ``False`` when there is none. Raises Permanent if not ours."""
        self.require_ours()
        if not self.path.exists():
            return False
        # First the link, so that no reader finds half a pair; last the mark, so that a removal that was
        # cut short can be finished.
        for link in (self._current, self._new_link):
            link.unlink(missing_ok=True)
        if self._versions.exists():
            shutil.rmtree(self._versions)
        shutil.rmtree(self.path)
        sync_folder(self.path.parent)
        return True

    def read(self, password: bytes | None) -> Found | None:
        """What is current; ``None`` when it cannot be understood."""
        version = self.current()
        return read_version(version, password) if version else None

    def current(self) -> Path | None:
        """The version that the link names, if it is one of ours: a link to elsewhere is not followed."""
        if self.path.is_symlink() or self._versions.is_symlink() or not self._current.is_symlink():
            return None
        link = os.readlink(self._current)
        version = self.path / link
        return version if VERSION.fullmatch(link) and version.is_dir() else None

    def is_ours(self) -> bool:
        """Whether the folder carries the mark of this delivery, or is empty still."""
        if self.path.is_symlink() or self._versions.is_symlink() or not self.path.is_dir():
            return False
        try:
            return bool(json.loads((self.path / MARK).read_text())["delivery"] == self._delivery)
        except FileNotFoundError:
            # A crash before the mark leaves an empty folder, or an unfinished mark: anybody may go on.
            return all(entry.name == NEW_MARK for entry in self.path.iterdir())
        except (ValueError, KeyError, TypeError):
            return False

    def require_ours(self) -> None:
        """Raises Permanent when something stands there that this delivery did not make."""
        if os.path.lexists(self.path) and not self.is_ours():
            raise Permanent(
                f"{self.path} exists and was not made by this delivery.",
                action="Move it away, or choose another name schema for the sync.",
            )

    def _mark(self) -> None:
        mark = json.dumps({"made_by": "certrail", "delivery": self._delivery}).encode()
        write_file(self.path / NEW_MARK, mark, 0o644)
        (self.path / NEW_MARK).replace(self.path / MARK)
        sync_folder(self.path)

    def _write_version(self, fingerprint: str, files: Rendered) -> Path:
        unfinished = self._versions / f".{fingerprint}.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        make_folder(unfinished)
        for name, file in files.items():
            write_file(unfinished / name, file.content, file.mode, file.owner, file.group)
        sync_folder(unfinished)
        version = self._free_name(fingerprint)
        unfinished.rename(version)
        sync_folder(self._versions)
        return version

    def _free_name(self, fingerprint: str) -> Path:
        """Never the name of a version that readers may have open, be it damaged or of another format."""
        names = (fingerprint if n == 1 else f"{fingerprint}.{n}" for n in count(1))
        return next(path for name in names if not os.path.lexists(path := self._versions / name))

    def _point_at(self, version: Path) -> None:
        self._new_link.unlink(missing_ok=True)
        self._new_link.symlink_to(version.relative_to(self.path))
        self._new_link.replace(self._current)
        sync_folder(self.path)

    def _prune(self, kept: set[Path | None]) -> None:
        for entry in self._versions.iterdir():
            if entry not in kept:
                shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Let one writer into a directory at a time: a cancelled verb's thread may still be at work."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
