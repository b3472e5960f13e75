"""When rows are sent that may share a workflow: at once while few come, together while many do."""

import pytest

from certrail.services.core.gathering import FEW, MOST, QUIET, WINDOW, Gathering
from certrail.services.core.unit_of_work import LeasedRow


def bulk(first: int, count: int = 1) -> list[LeasedRow]:
    return [LeasedRow(seq, True) for seq in range(first, first + count)]


def test_one_row_after_the_other_is_sent_at_once() -> None:
    gathering, now = Gathering(), 100.0
    for seq in range(50):
        gathering.add(bulk(seq), now)
        assert gathering.wait(now) == 0
        assert gathering.take(now) == [seq]
        assert gathering.wait(now) is None
        now += 1.1 * WINDOW / FEW


def test_the_first_few_of_a_burst_are_sent_at_once_and_the_others_together() -> None:
    gathering, now = Gathering(), 10.0
    for seq in range(FEW):
        gathering.add(bulk(seq), now)
        assert gathering.take(now) == [seq]
    gathering.add(bulk(FEW, 20), now)
    assert gathering.take(now) == []
    assert gathering.wait(now) == pytest.approx(QUIET)
    assert gathering.take(now + QUIET) == list(range(FEW, FEW + 20))
    assert len(gathering) == 0
    assert gathering.wait(now + QUIET) is None


def test_no_row_waits_longer_than_a_window_while_others_come() -> None:
    gathering, now = gathered(), 10.0
    while gathering.take(now) == []:
        now += QUIET / 2
        gathering.add(bulk(99), now)
    assert now == pytest.approx(10.0 + WINDOW, abs=QUIET / 2)


def test_a_full_batch_does_not_wait() -> None:
    gathering = gathered()
    gathering.add(bulk(1000, MOST), 10.0)
    assert len(gathering.take(10.0)) == MOST
    assert gathering.take(10.0) == [], "those that are left begin another window"
    assert len(gathering.take(10.0 + QUIET)) == FEW + 1


def test_few_come_again_after_many() -> None:
    gathering = gathered()
    assert gathering.take(10.0 + WINDOW)
    later = 10.0 + 10 * WINDOW
    gathering.add(bulk(50), later)
    assert gathering.take(later) == [50]


def gathered() -> Gathering:
    """With some rows that came together at 10.0."""
    gathering = Gathering()
    gathering.add(bulk(0, FEW + 1), 10.0)
    assert gathering.take(10.0) == []
    return gathering


def test_others_never_wait_for_those_that_are_gathered() -> None:
    gathering = gathered()
    gathering.add([*bulk(10, 3), LeasedRow(13, False)], 10.0)
    assert gathering.wait(10.0) == 0
    assert gathering.take(10.0) == [13]
    assert gathering.wait(10.0) == pytest.approx(QUIET)
    assert gathering.clear() == [*range(FEW + 1), 10, 11, 12]
    assert gathering.wait(10.0) is None
