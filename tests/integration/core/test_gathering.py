"""When rows are sent that may share a workflow: at once while few come, together while many do."""

import pytest

from certrail.services.core.gathering import FEW, MOST, WINDOW, Gathering
from certrail.services.core.unit_of_work import LeasedRow


def bulk(first: int, count: int = 1) -> list[LeasedRow]:
    return [LeasedRow(seq, True) for seq in range(first, first + count)]


def test_one_row_is_sent_at_once_however_often_one_comes() -> None:
    gathering, now = Gathering(), 100.0
    for seq in range(50):
        gathering.add(bulk(seq), now)
        assert gathering.wait(now) == 0
        assert gathering.take(now) == [seq]
        assert gathering.wait(now) is None
        now += 2 * WINDOW / FEW


def test_many_rows_are_gathered_for_a_window_after_the_last_ones_were_sent() -> None:
    gathering = Gathering()
    for seq in range(FEW):
        gathering.add(bulk(seq), 10.0)
        assert gathering.take(10.0) == [seq]
    gathering.add(bulk(FEW, 20), 10.0 + WINDOW / 4)
    assert gathering.take(10.0 + WINDOW / 2) == []
    assert gathering.wait(10.0 + WINDOW / 2) == pytest.approx(WINDOW / 2)
    assert gathering.take(10.0 + WINDOW) == list(range(FEW, FEW + 20))
    assert len(gathering) == 0


def test_a_full_batch_does_not_wait() -> None:
    gathering = Gathering()
    gathering.add(bulk(0, FEW + 1), 10.0)
    assert len(gathering.take(10.0)) == FEW + 1
    gathering.add(bulk(1000, MOST + 1), 10.0)
    assert gathering.take(10.0) == list(range(1000, 1000 + MOST))
    assert gathering.take(10.0) == [], "the one that is left begins another window"
    assert gathering.take(10.0 + WINDOW) == [1000 + MOST]


def test_few_come_again_after_many() -> None:
    gathering = Gathering()
    gathering.add(bulk(0, 50), 10.0)
    assert len(gathering.take(10.0)) == 50
    later = 10.0 + 10 * WINDOW
    gathering.add(bulk(50), later)
    assert gathering.take(later) == [50]


def test_others_never_wait_for_those_that_are_gathered() -> None:
    gathering = Gathering()
    gathering.add(bulk(0, FEW + 1), 10.0)
    gathering.take(10.0)
    gathering.add([*bulk(10, 3), LeasedRow(13, False)], 10.0)
    assert gathering.wait(10.0) == 0
    assert gathering.take(10.0) == [13]
    assert gathering.wait(10.0) == pytest.approx(WINDOW)
    assert gathering.clear() == [10, 11, 12]
    assert gathering.wait(10.0) is None
