"""A list that tests can wait on instead of sleeping."""

import asyncio
import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Arrivals(Generic[T]):
    """What has arrived so far, in order; safe to use from every thread."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._changed = threading.Condition()

    def add(self, item: T) -> None:
        """Append one and wake everybody who waits."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def all(self) -> list[T]:
        """A copy of everything that arrived."""
        with self._changed:
            return list(self._items)

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._items.clear()

    async def wait_for(self, count: int, timeout: float) -> list[T]:  # noqa: ASYNC109
        """Everything that arrived, as soon as it is ``count`` or more.

        Raises:
            TimeoutError: fewer arrived within ``timeout`` seconds.
        """
        return await asyncio.to_thread(self._wait, count, timeout)

    def _wait(self, count: int, seconds: float) -> list[T]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._items) >= count, seconds):
                raise TimeoutError(f"{len(self._items)} of {count} arrived within {seconds} s")
            return list(self._items)
