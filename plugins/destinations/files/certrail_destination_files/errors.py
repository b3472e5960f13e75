"""What the operating system says, as what must be done about it."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from certrail_destination_files.directory import NotOurs
from certrail_sdk import Misconfigured, PluginError, QuotaExceeded, Retryable, Unauthorized, settled

T = TypeVar("T")
FULL = (errno.ENOSPC, errno.EDQUOT)


async def in_thread(directory: Path, work: Callable[[], T]) -> T:
    """Do file work in a thread, which ends before this does.

    Raises:
        Unauthorized, QuotaExceeded, Misconfigured, Retryable: instead of an OSError.
    """
    return await settled(asyncio.to_thread(_translated, directory, work))


def _translated(directory: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except NotOurs as refusal:
        raise Misconfigured(
            "root" if refusal.path == directory.resolve() else "directory",
            str(refusal),
            action="Give the folder to the worker's account alone: chown, and chmod go-w.",
        ) from None
    except OSError as err:
        raise _as_plugin_error(err, directory) from None


def _as_plugin_error(err: OSError, directory: Path) -> PluginError:
    # Names are relative to a descriptor: the folder says where to look.
    where = f"{directory}: {err.filename}" if err.filename else str(directory)
    if isinstance(err, PermissionError):
        return Unauthorized(
            f"The worker's account may not use {where}: {err.strerror}.",
            action=f"Give the worker's account the right to write in {directory}.",
        )
    if err.errno in FULL:
        return QuotaExceeded(f"No space is left in {directory}.")
    if err.errno == errno.EROFS:
        return Misconfigured("directory", f"{directory} is on a read-only file system")
    return Retryable(f"{where}: {err.strerror}")
