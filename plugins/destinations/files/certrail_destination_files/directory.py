"""A folder by its descriptor: no name on the way is resolved twice, and no link is followed.

A path that was checked can be another one when it is used (CWE-367). So each folder is opened once, below the folder
before it, and everything in it is named relative to its descriptor (`openat` and its like, POSIX.1-2008).
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from certrail_destination_files.config import UNCHANGED

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
LARGEST_FILE = 4_194_304
FOLDER_MODE = 0o755
"""Others may pass through: the modes of the files decide who reads."""
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ROOT_USER = 0
NO_FOLDER = (errno.ELOOP, errno.ENOTDIR)
"""What opening a link, or a file, as a folder is answered with."""


class NotOurs(Exception):
    """A folder is a link, belongs to somebody else, or may be written by others. The message says which."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class Directory:
    """An open folder."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.path = path

    def __enter__(self) -> "Directory":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _err: BaseException | None, _trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    @classmethod
    def root(cls, path: Path) -> "Directory":
        """The root, which may be a link: it is the operator's choice. Raises FileNotFoundError, NotADirectoryError."""
        resolved = path.resolve()
        return cls(os.open(resolved, FOLDER | os.O_NOFOLLOW), resolved)

    def folder(self, name: str) -> "Directory":
        """A folder in this one.

        Raises:
            FileNotFoundError: there is nothing of this name.
            NotOurs: it is a link or no folder.
        """
        path = self.path / name
        try:
            return Directory(os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor), path)
        except OSError as err:
            if err.errno in NO_FOLDER:
                raise NotOurs(path, f"{path} is a link or not a folder") from None
            raise

    def make(self, name: str) -> "Directory":
        """A folder in this one, made if it is missing."""
        with suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=self._descriptor)
        made = self.folder(name)
        self.sync()
        return made

    def open_up(self) -> None:
        """Let others pass through, whatever the umask was: a crash right after `mkdir` leaves that of the umask."""
        if stat.S_IMODE(os.fstat(self._descriptor).st_mode) != FOLDER_MODE:
            os.fchmod(self._descriptor, FOLDER_MODE)

    def require_own(self) -> None:
        """Raise NotOurs unless the folder is the worker's, and nobody else may write in it."""
        found = os.fstat(self._descriptor)
        if found.st_uid != os.geteuid():
            raise NotOurs(self.path, f"{self.path} belongs to user {found.st_uid}, not to the worker's")
        self.require_closed()

    def require_closed(self) -> None:
        """Raise NotOurs if anybody but the worker and root may add or exchange names in the folder."""
        found = os.fstat(self._descriptor)
        if found.st_uid not in (ROOT_USER, os.geteuid()):
            raise NotOurs(
                self.path, f"{self.path} belongs to user {found.st_uid}, who may exchange what is in it"
            )
        if found.st_mode & OTHERS_WRITE:
            mode = stat.S_IMODE(found.st_mode)
            raise NotOurs(self.path, f"others may write in {self.path}, whose mode is {mode:04o}")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let one writer in at a time: a cancelled verb's thread may still be at work."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def names(self) -> list[str]:
        """What is in the folder."""
        return os.listdir(self._descriptor)

    def holds(self, name: str) -> bool:
        """Whether there is anything of this name, be it a link that leads nowhere."""
        return self.status(name) is not None

    def status(self, name: str) -> os.stat_result | None:
        """What `lstat` says of a name; ``None`` when there is nothing."""
        try:
            return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def link(self, name: str) -> str | None:
        """Where a link leads; ``None`` when there is no link of this name."""
        try:
            return os.readlink(name, dir_fd=self._descriptor)
        except OSError:
            return None

    def read(self, name: str) -> tuple[bytes, os.stat_result] | None:
        """Content and status of a plain file; ``None`` for a link, a pipe, a very large file, or nothing."""
        # Not blocking: a pipe that somebody put there would never be opened.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            handle = os.open(name, flags, dir_fd=self._descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            if err.errno in (errno.ELOOP, errno.ENXIO):
                return None
            raise
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as file:
            return file.read(LARGEST_FILE), status

    def write(
        self, name: str, content: bytes, mode: int, owner: int = UNCHANGED, group: int = UNCHANGED
    ) -> None:
        """Make a new file, never writing into one that is there; on disk when this returns."""
        self.unlink(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=self._descriptor), "wb") as file:
            if (owner, group) != (UNCHANGED, UNCHANGED):
                os.fchown(file.fileno(), owner, group)
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def replace(
        self, name: str, content: bytes, mode: int, owner: int = UNCHANGED, group: int = UNCHANGED
    ) -> None:
        """Let the file hold this content, so that a reader finds the old one or the new one."""
        new = f".{name}.new"
        self.write(new, content, mode, owner, group)
        self.rename(new, name)

    def rename(self, old: str, new: str) -> None:
        """Give a name to what has another, in one step; on disk when this returns."""
        os.rename(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        self.sync()

    def point(self, name: str, target: str) -> None:
        """Let a link lead somewhere else, in one step."""
        new = f"{name}.new"
        self.unlink(new)
        os.symlink(target, new, dir_fd=self._descriptor)
        self.rename(new, name)

    def unlink(self, name: str) -> None:
        """Delete a file or a link, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def remove_tree(self, name: str) -> None:
        """Delete a folder with all that is in it, following no link."""
        shutil.rmtree(name, dir_fd=self._descriptor)

    def remove_empty(self, name: str) -> bool:
        """Delete an empty folder; ``False`` when something is in it."""
        try:
            os.rmdir(name, dir_fd=self._descriptor)
        except OSError as err:
            if err.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        return True

    def sync(self) -> None:
        """Have the names in the folder on disk."""
        os.fsync(self._descriptor)
