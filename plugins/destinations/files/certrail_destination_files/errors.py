"""What the operating system says, as what must be done about it."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from certrail_sdk import Misconfigured, QuotaExceeded, Retryable, Unauthorized

T = TypeVar("T")
FULL = (errno.ENOSPC, errno.EDQUOT)


async def in_thread(directory: Path, work: Callable[[], T]) -> T:
    """Do file work in a thread.

    Raises:
        Unauthorized, QuotaExceeded, Misconfigured, Retryable: instead of an OSError.
    """
    try:
        return await asyncio.to_thread(work)
    except PermissionError as err:
        place = err.filename or directory
        raise Unauthorized(
            f"The worker's account may not use {place}: {err.strerror}.",
            action=f"Give the worker's account the right to write in {directory}.",
        ) from None
    except OSError as err:
        if err.errno in FULL:
            raise QuotaExceeded(f"No space is left in {directory}.") from None
        if err.errno == errno.EROFS:
            raise Misconfigured("directory", f"{directory} is on a read-only file system") from None
        raise Retryable(f"{err.filename or directory}: {err.strerror}") from None
