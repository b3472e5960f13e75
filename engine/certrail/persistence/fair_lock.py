"""A fair lock: its waiters get it in the order in which they came (FIFO)."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from types import TracebackType


class FairLock:
    """A mutex of the threads of one process. `threading.Lock` goes to any of its waiters, so one may starve.

    Args:
        seconds: how long a thread waits at most.
        timed_out: makes the error that is raised then.
    """

    def __init__(self, seconds: float, timed_out: Callable[[], Exception]) -> None:
        self._seconds, self._timed_out = seconds, timed_out
        self._guard, self._held = Lock(), False
        self._waiting = deque[Lock]()

    def __enter__(self) -> None:
        """Acquire it. Raises the error of `timed_out` when that takes too long."""
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            if mine.acquire(timeout=self._seconds):
                return
        except BaseException:
            self._withdraw(mine)
            raise
        self._withdraw(mine)
        raise self._timed_out()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Release it to the longest waiter."""
        with self._guard:
            self._pass_on()

    def _withdraw(self, mine: Lock) -> None:
        """Wait no more; a lock that was acquired in between goes to the next waiter."""
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._held = False
