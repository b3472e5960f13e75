"""Many are due at once, and the worker is killed twice on the way: each is renewed, exactly once.

`bench.renewal` does the same with 25,000, and measures it.
"""

from pathlib import Path

import pytest
from examples.demo.installation import Installation, until
from tests.support.aged import Aged, busiest_minute

pytestmark = [pytest.mark.crash, pytest.mark.endurance]

COUNT = 1_200
"""Renewed in chunks by the sweep."""
BOUNDED, PER_MINUTE = 300, 200
"""At an authority with a rate, most of them by a workflow of their own, which waits for its turn."""


def test_all_that_is_due_is_renewed_once_though_the_worker_dies_twice(tmp_path: Path) -> None:
    fleet = Aged(tmp_path)
    fleet.stock("chunks", COUNT)
    fleet.stock("bounded", BOUNDED, PER_MINUTE)

    def renewed() -> int:
        return fleet.count_renewed("chunks") + fleet.count_renewed("bounded")

    installation = Installation(tmp_path)
    installation.start()
    try:
        for profile in ("bounded", "chunks"):
            fleet.renew_by_the_clock(profile, True)
        for share in (1, 2):
            until(lambda share=share: renewed() >= share * COUNT / 3, "some renewals")  # type: ignore[misc]
            installation.kill("worker")
        until(lambda: renewed() == COUNT + BOUNDED, "all renewals")
    finally:
        installation.stop()
    assert fleet.generations() == {2: COUNT + BOUNDED}
    assert busiest_minute(fleet.renewed("bounded")) <= PER_MINUTE, "their authority is not asked more often"
    fleet.close()
