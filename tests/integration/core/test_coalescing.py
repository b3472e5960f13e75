"""When rows are sent that may share a workflow: at once while few come, together while many do."""

import pytest

from certrail.services.core.coalescing import FEW, MOST, QUIET, WINDOW, Coalescer
from certrail.services.core.unit_of_work import LeasedRow


def bulk(first: int, count: int = 1) -> list[LeasedRow]:
    return [LeasedRow(seq, True) for seq in range(first, first + count)]


def test_one_row_after_the_other_is_sent_at_once() -> None:
    coalescer, now = Coalescer(), 100.0
    for seq in range(50):
        coalescer.add(bulk(seq), now)
        assert coalescer.wait(now) == 0
        assert coalescer.take(now) == [seq]
        assert coalescer.wait(now) is None
        now += 1.1 * WINDOW / FEW


def test_the_first_few_of_a_burst_are_sent_at_once_and_the_others_together() -> None:
    coalescer, now = Coalescer(), 10.0
    for seq in range(FEW):
        coalescer.add(bulk(seq), now)
        assert coalescer.take(now) == [seq]
    coalescer.add(bulk(FEW, 20), now)
    assert coalescer.take(now) == []
    assert coalescer.wait(now) == pytest.approx(QUIET)
    assert coalescer.take(now + QUIET) == list(range(FEW, FEW + 20))
    assert len(coalescer) == 0
    assert coalescer.wait(now + QUIET) is None


def test_no_row_waits_longer_than_a_window_while_others_come() -> None:
    coalescer, now = holding(), 10.0
    while coalescer.take(now) == []:
        now += QUIET / 2
        coalescer.add(bulk(99), now)
    assert now == pytest.approx(10.0 + WINDOW, abs=QUIET / 2)


def test_a_full_batch_does_not_wait() -> None:
    coalescer = holding()
    coalescer.add(bulk(1000, MOST), 10.0)
    assert len(coalescer.take(10.0)) == MOST
    assert coalescer.take(10.0) == [], "those that are left begin another window"
    assert len(coalescer.take(10.0 + QUIET)) == FEW + 1


def test_few_come_again_after_many() -> None:
    coalescer = holding()
    assert coalescer.take(10.0 + WINDOW)
    later = 10.0 + 10 * WINDOW
    coalescer.add(bulk(50), later)
    assert coalescer.take(later) == [50]


def holding() -> Coalescer:
    """With some rows that came together at 10.0."""
    coalescer = Coalescer()
    coalescer.add(bulk(0, FEW + 1), 10.0)
    assert coalescer.take(10.0) == []
    return coalescer


def test_others_never_wait_for_those_that_are_held_back() -> None:
    coalescer = holding()
    coalescer.add([*bulk(10, 3), LeasedRow(13, False)], 10.0)
    assert coalescer.wait(10.0) == 0
    assert coalescer.take(10.0) == [13]
    assert coalescer.wait(10.0) == pytest.approx(QUIET)
    assert coalescer.clear() == [*range(FEW + 1), 10, 11, 12]
    assert coalescer.wait(10.0) is None
