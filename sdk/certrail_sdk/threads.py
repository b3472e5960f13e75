"""Calls that block, in threads: their writes end before their caller does, and their errors are translated."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from certrail_sdk.translation import Errors, translated

T = TypeVar("T")


async def settled(write: Coroutine[Any, Any, T]) -> T:
    """Do a write that runs in a thread, and do not leave before it has ended.

    A thread goes on when its caller is cancelled. Whoever leaves then lets the write land behind the back of the next
    look-up, or after a newer one. So bound the time that the write may take, well below a minute.

    Raises:
        CancelledError: the caller was cancelled meanwhile; raised once the write has ended, well or not.
    """
    task = asyncio.ensure_future(write)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


async def in_thread(call: Callable[[], T], *, errors: Errors | None = None, action: str = "") -> T:
    """Make a blocking call of a vendor's SDK in a thread: settled when cancelled, its errors translated.

    Bound the call by the vendor's own timeouts, and switch the vendor's retries off: the engine waits and repeats.

    Args:
        call: without arguments: ``lambda: client.put(name, value)``.
        errors: by the vendor's class the error to raise instead, such as ``{VendorTimeout: Retryable}``.
        action: what it does, to begin the message of a translated error.

    Raises:
        PluginError: what ``errors`` makes of the vendor's error; one that is not listed comes through as it is.
    """
    with translated(errors or {}, action):
        return await settled(asyncio.to_thread(call))
