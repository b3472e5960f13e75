"""Thousands are due at once, and the worker is killed twice on the way: each is renewed, exactly once."""

from pathlib import Path

from examples.demo.installation import Installation, until
from tests.support.aged import Aged, busiest_minute

FLEET = {"unbounded": 1_000, "bounded": 5_000}
PER_MINUTE = 4_800
ALL = sum(FLEET.values())


def test_all_that_is_due_is_renewed_once_though_the_worker_dies_twice(tmp_path: Path) -> None:
    fleet = Aged(tmp_path)
    fleet.stock("unbounded", FLEET["unbounded"])
    fleet.stock("bounded", FLEET["bounded"], PER_MINUTE)

    def renewed() -> int:
        return sum(fleet.count_renewed(profile) for profile in FLEET)

    installation = Installation(tmp_path)
    installation.start()
    try:
        for profile in FLEET:
            fleet.renew_by_the_clock(profile, True)
        for share in (1, 2):
            until(lambda share=share: renewed() >= share * ALL / 3, "some renewals")
            installation.kill("worker")
        until(lambda: renewed() == ALL, "all renewals")
    finally:
        installation.stop()
    assert fleet.generations() == {2: ALL}
    assert busiest_minute(fleet.renewed("bounded")) <= PER_MINUTE, "their authority is not asked more often"
    fleet.close()
