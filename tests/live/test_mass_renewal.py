"""Thousands are due at once, and the worker is killed twice on the way: each is renewed, exactly once."""

from pathlib import Path

from examples.demo.installation import Installation, until
from tests.support.aged import Aged, busiest_minute

COUNT, PER_MINUTE = 5_000, 6_000


def test_all_that_is_due_is_renewed_once_though_the_worker_dies_twice(tmp_path: Path) -> None:
    fleet = Aged(tmp_path)
    fleet.stock("bounded", COUNT, PER_MINUTE)

    def renewed() -> int:
        return fleet.count_renewed("bounded")

    installation = Installation(tmp_path)
    installation.start()
    try:
        fleet.renew_by_the_clock("bounded", True)
        for share in (1, 2):
            until(lambda share=share: renewed() >= share * COUNT / 3, "some renewals")  # type: ignore[misc]
            installation.kill("worker")
        until(lambda: renewed() == COUNT, "all renewals")
    finally:
        installation.stop()
    assert fleet.generations() == {2: COUNT}
    assert busiest_minute(fleet.renewed("bounded")) <= PER_MINUTE, "their authority is not asked more often"
    fleet.close()
