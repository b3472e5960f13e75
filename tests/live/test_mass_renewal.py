"""Many certificates are due at once, and the worker is killed twice on the way: each is renewed, exactly once."""

from pathlib import Path

from examples.demo.installation import Installation, until
from tests.support.aged import Aged

COUNT = 1_000


def test_all_that_is_due_is_renewed_once_though_the_worker_dies_twice(tmp_path: Path) -> None:
    fleet = Aged(tmp_path)
    fleet.stock("chunks", COUNT)
    installation = Installation(tmp_path)
    installation.start()
    try:
        fleet.renew_by_the_clock("chunks", True)
        for share in (1, 2):
            until(lambda share=share: fleet.count_renewed("chunks") >= share * COUNT / 3, "some renewals")
            installation.kill("worker")
        until(lambda: fleet.count_renewed("chunks") == COUNT, "all renewals")
    finally:
        installation.stop()
    assert fleet.generations() == {2: COUNT}
    fleet.close()
