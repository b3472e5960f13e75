"""A lock that is given in the order in which it was asked for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from certrail.persistence.fair_lock import FairLock


class TooLate(Exception):
    pass


def waiting(lock: FairLock, count: int) -> None:
    """Return once so many threads wait."""
    reached = threading.Event()
    while len(lock._waiting) < count:
        reached.wait(0.001)


def holding(lock: FairLock, done: threading.Event) -> Callable[[], None]:
    def hold() -> None:
        with lock:
            done.wait(30)

    return hold


def test_whoever_came_first_is_next() -> None:
    lock, order = FairLock(30, TooLate), list[int]()

    def take(number: int) -> None:
        with lock:
            order.append(number)

    with ThreadPoolExecutor(20) as pool, lock:
        for number in range(20):
            pool.submit(take, number)
            waiting(lock, number + 1)
    assert order == list(range(20))


def test_a_wait_that_was_too_long_holds_up_nobody() -> None:
    patient, done = FairLock(30, TooLate), threading.Event()
    patient._seconds = 0.01
    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(holding(patient, done))
        while not patient._held:
            pass
        with pytest.raises(TooLate), patient:
            pytest.fail("another thread holds it")
        done.set()
        holder.result(30)
    with patient:
        assert patient._held
    assert not patient._held


def test_an_error_releases_it() -> None:
    lock = FairLock(30, TooLate)
    with pytest.raises(KeyError), lock:
        raise KeyError
    with lock:
        pass
