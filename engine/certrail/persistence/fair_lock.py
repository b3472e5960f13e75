"""Turns: a lock whose waiters get it in the order in which they came."""

from collections import deque
from threading import Lock
from types import TracebackType


class Turns:
    """Of the threads of one process. `threading.Lock` gives itself to any waiter, so one may wait for ever.

    Args:
        seconds: how long a thread waits at most.
        late: what is raised then.
    """

    def __init__(self, seconds: float, late: Exception) -> None:
        self._seconds, self._late = seconds, late
        self._guard, self._taken = Lock(), False
        self._waiting = deque[Lock]()

    def __enter__(self) -> None:
        """Wait for a turn. Raises the error that was given when it does not come in time."""
        with self._guard:
            if not self._taken:
                self._taken = True
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
        raise self._late

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Pass the lock on to the longest waiter."""
        with self._guard:
            self._pass_on()

    def _withdraw(self, mine: Lock) -> None:
        """Wait no more; a turn that came in between goes to the next one."""
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._taken = False
