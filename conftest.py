"""How the suite is spread over processes: a file stays together, and so do files that share something slow to start."""

import pytest

LONGEST_FIRST = ("tests/live/test_crashes", "tests/live", "tests/acceptance")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its group, and put the longest groups in front, so that no process ends long after the others."""
    for item in items:
        file = item.nodeid.split("::")[0]
        item.add_marker(
            pytest.mark.xdist_group("shop" if "shop" in getattr(item, "fixturenames", ()) else file)
        )
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    starts = [item.nodeid.startswith(prefix) for prefix in LONGEST_FIRST]
    return starts.index(True) if True in starts else len(LONGEST_FIRST)
