"""A lock that is given in the order in which it was asked for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from certrail.persistence.turns import Turns


class TooLate(Exception):
    pass


def waiting(turns: Turns, count: int) -> None:
    """Return once so many threads wait."""
    reached = threading.Event()
    while len(turns._waiting) < count:
        reached.wait(0.001)


def holding(turns: Turns, done: threading.Event) -> Callable[[], None]:
    def hold() -> None:
        with turns:
            done.wait(30)

    return hold


def test_whoever_came_first_is_next() -> None:
    turns, order = Turns(30, TooLate()), list[int]()

    def take(number: int) -> None:
        with turns:
            order.append(number)

    with ThreadPoolExecutor(20) as pool, turns:
        for number in range(20):
            pool.submit(take, number)
            waiting(turns, number + 1)
    assert order == list(range(20))


def test_a_wait_that_was_too_long_holds_up_nobody() -> None:
    patient, done = Turns(30, TooLate()), threading.Event()
    patient._seconds = 0.01
    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(holding(patient, done))
        while not patient._taken:
            pass
        with pytest.raises(TooLate), patient:
            pytest.fail("another thread holds it")
        done.set()
        holder.result(30)
    with patient:
        assert patient._taken
    assert not patient._taken


def test_an_error_in_a_turn_passes_it_on() -> None:
    turns = Turns(30, TooLate())
    with pytest.raises(KeyError), turns:
        raise KeyError
    with turns:
        pass
