"""Writing so that a crash leaves either nothing or everything."""

import os
from pathlib import Path

from certrail_destination_files.config import UNCHANGED


def write_file(path: Path, content: bytes, mode: int, owner: int = UNCHANGED, group: int = UNCHANGED) -> None:
    """Make a new file, never writing into one that is there; on disk when this returns."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        if (owner, group) != (UNCHANGED, UNCHANGED):
            os.fchown(file.fileno(), owner, group)
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(
    path: Path, content: bytes, mode: int, owner: int = UNCHANGED, group: int = UNCHANGED
) -> None:
    """Let the file hold this content, so that a reader finds the old one or the new one."""
    new = path.with_name(f".{path.name}.new")
    write_file(new, content, mode, owner, group)
    new.replace(path)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder that others may pass through: the modes of the files decide who reads."""
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(0o755)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
