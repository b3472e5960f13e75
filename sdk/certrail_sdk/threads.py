"""Writes that go on in a thread after whoever began them was cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

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
