"""How the suite is spread over processes: files that share something slow to start stay together."""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = (
    "tests/live/test_crashes",
    "tests/live",
    "tests/acceptance",
    "tests/deploy",
    "tests/docs/test_followed",
    "tests/integration",
)
SHARING_A_STACK = "tests/live/shared/"


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole files, and those that share a live_stack as one."""

    def _split_scope(self, nodeid: str) -> str:
        return SHARING_A_STACK if nodeid.startswith(SHARING_A_STACK) else nodeid.split("::", maxsplit=1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together:
    return Together(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Let each process collect the files of another share first: what is rewritten for asserts is cached for all."""
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = [
        str(file) for top in config.args for file in sorted(Path(config.rootpath, top).rglob("test_*.py"))
    ]
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    first = number * len(files) // count
    config.args[:] = files[first:] + files[:first]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files in front, so that no process ends long after the others."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, str]:
    """The same order in every process, in whatever order it collected."""
    starts = [item.nodeid.startswith(prefix) for prefix in LONGEST_FIRST]
    file = item.nodeid.split("::", maxsplit=1)[0]
    return starts.index(True) if True in starts else len(LONGEST_FIRST), file
