"""One object on disk: versions side by side, and a link that is swapped in one step."""

import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from certrail_destination_files.directory import Directory, NotOurs
from certrail_destination_files.reading import Found, read_version
from certrail_destination_files.render import Rendered
from certrail_sdk import Permanent, Target

MARK = "certrail.json"
NEW_MARK = f"{MARK}.new"
VERSIONS, CURRENT, NEW_CURRENT = "versions", "current", "current.new"
VERSION = re.compile(r"[0-9a-f]{64}(\.\d+)?")
UNFINISHED = re.compile(r"\.[0-9a-f]{64}\.new")


class Folder:
    """The folder of one delivery. Every write is synced before the link names it."""

    def __init__(self, parent: Directory, target: Target) -> None:
        self.path: Path = parent.path / target.name
        self._parent, self._name = parent, target.name
        self._delivery = target.delivery

    def publish(self, fingerprint: str, files: Rendered) -> bool:
        """Make the files current; ``False`` when they are already. Raises Permanent if not ours."""
        self.require_ours()
        before = self.current()
        if self.holds(fingerprint, files):
            return False
        with self._parent.make(self._name) as own:
            if not own.holds(MARK):
                own.open_up()
            self._mark(own)
            with own.make(VERSIONS) as versions:
                if not any(VERSION.fullmatch(name) for name in versions.names()):
                    versions.open_up()
                version = _write_version(versions, fingerprint, files)
            own.point(CURRENT, f"{VERSIONS}/{version}")
            # The new version is current: what cannot be deleted now is deleted by the next deployment.
            with suppress(OSError), own.folder(VERSIONS) as versions:
                _prune(versions, {version, before})
        return True

    def holds(self, fingerprint: str, files: Rendered) -> bool:
        """Whether exactly these files are current."""
        name = self.current()
        if name is None or not name.startswith(fingerprint):
            return False
        with self._version(name) as version:
            same = set(version.names()) == files.keys()
            return same and all(file.stands_in(version, name) for name, file in files.items())

    def remove(self) -> bool:
        """Delete what certrail put there; ``False`` when there is nothing. Raises Permanent if not ours.

        What others put into the folder stays, and so does the folder then.
        """
        self.require_ours()
        if not self._parent.holds(self._name):
            return False
        with self._parent.folder(self._name) as own:
            # First the link, so that no reader finds half a pair; last the mark, so that a removal that was
            # cut short can be finished.
            for name in (CURRENT, NEW_CURRENT):
                own.unlink(name)
            with suppress(FileNotFoundError), own.folder(VERSIONS) as versions:
                _prune(versions, set())
            with suppress(FileNotFoundError):
                own.remove_empty(VERSIONS)
            for name in (NEW_MARK, MARK):
                own.unlink(name)
        self._parent.remove_empty(self._name)
        self._parent.sync()
        return True

    def read(self, password: bytes | None) -> Found | None:
        """What is current; ``None`` when it cannot be understood."""
        if (name := self.current()) is None:
            return None
        with self._version(name) as version:
            return read_version(version, password)

    def current(self) -> str | None:
        """The version that the link names, if it is one of ours: a link to elsewhere is not followed."""
        try:
            with self._parent.folder(self._name) as own:
                folder, _, version = (own.link(CURRENT) or "").partition("/")
            if folder != VERSIONS or not VERSION.fullmatch(version):
                return None
            with self._version(version):
                return version
        except (FileNotFoundError, NotOurs):
            return None

    def is_marked_ours(self) -> bool:
        """Whether the folder is there and carries the mark of this delivery, whoever may write in it."""
        try:
            with self._parent.folder(self._name) as own:
                return self._is_marked(own)
        except (FileNotFoundError, NotOurs):
            return False

    def require_ours(self) -> None:
        """Raises Permanent when something stands there that this delivery did not make, or others may exchange."""
        if not self._parent.holds(self._name):
            return
        try:
            with self._parent.folder(self._name) as own:
                own.require_own()
                with suppress(FileNotFoundError), own.folder(VERSIONS) as versions:
                    versions.require_own()
                if self._is_marked(own):
                    return
        except NotOurs as refusal:
            raise Permanent(
                f"{self.path} cannot be used: {refusal}.",
                action="Give it to the worker alone, move it away, or choose another name schema for the sync.",
            ) from None
        raise Permanent(
            f"{self.path} exists and was not made by this delivery.",
            action="Move it away, or choose another name schema for the sync.",
        )

    def _is_marked(self, own: Directory) -> bool:
        """Whether the folder carries the mark of this delivery, or is empty still."""
        if not own.holds(MARK):
            # A crash before the mark leaves an empty folder, or an unfinished mark: anybody may go on.
            return all(name == NEW_MARK for name in own.names())
        content, _ = own.read(MARK) or (b"", None)
        try:
            return bool(json.loads(content)["delivery"] == self._delivery)
        except (ValueError, KeyError, TypeError):
            return False

    def _mark(self, own: Directory) -> None:
        mark = json.dumps({"made_by": "certrail", "delivery": self._delivery}).encode()
        own.write(NEW_MARK, mark, 0o644)
        own.rename(NEW_MARK, MARK)

    @contextmanager
    def _version(self, name: str) -> Iterator[Directory]:
        with (
            self._parent.folder(self._name) as own,
            own.folder(VERSIONS) as versions,
            versions.folder(name) as version,
        ):
            yield version


def _write_version(versions: Directory, fingerprint: str, files: Rendered) -> str:
    unfinished = f".{fingerprint}.new"
    if versions.holds(unfinished):
        _delete(versions, unfinished)
    with versions.make(unfinished) as folder:
        folder.open_up()
        for name, file in files.items():
            folder.write(name, file.content, file.mode, file.owner, file.group)
        folder.sync()
    version = _free_name(versions, fingerprint)
    versions.rename(unfinished, version)
    return version


def _free_name(versions: Directory, fingerprint: str) -> str:
    """Never the name of a version that readers may have open, be it damaged or of another format."""
    names = (fingerprint if n == 1 else f"{fingerprint}.{n}" for n in count(1))
    return next(name for name in names if not versions.holds(name))


def _prune(versions: Directory, kept: set[str | None]) -> None:
    """Delete older versions and unfinished ones. What has another kind of name was put there by somebody else."""
    for name in versions.names():
        if name not in kept and (VERSION.fullmatch(name) or UNFINISHED.fullmatch(name)):
            _delete(versions, name)


def _delete(versions: Directory, name: str) -> None:
    status = versions.status(name)
    if status is not None and stat.S_ISDIR(status.st_mode):
        versions.remove_tree(name)
    else:
        versions.unlink(name)
