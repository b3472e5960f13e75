"""Files that survive a power cut: written beside, synced, renamed, and the folder synced."""

import os
import secrets
from pathlib import Path


def write(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """A new file with its mode and owner from the beginning, on the disk when this returns.

    Args:
        owner: user and group id, `-1` for one that stays.

    Raises:
        OSError: also where a file of this name exists.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        if owner is not None:
            os.fchown(descriptor, *owner)
        # The mode comes last: nobody reads a key that is not theirs yet.
        os.fchmod(descriptor, mode)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a file in the place of another one in one step: readers see the former content or the new one."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write(unfinished, content, mode)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
