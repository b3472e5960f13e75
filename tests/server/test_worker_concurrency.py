"""How much a worker does at once: what is set is what its processes are started with."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from certrail_server.bootstrap import build
from certrail_server.settings import Settings
from certrail_workflows.worker import Concurrency


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path / "data"))


def test_what_is_set_reaches_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(Settings()).concurrency == Concurrency()
    monkeypatch.setenv("CERTRAIL_WORKER_WORKFLOW_TASKS", "7")
    monkeypatch.setenv("CERTRAIL_WORKER_ACTIVITIES", "3")
    monkeypatch.setenv("CERTRAIL_WORKER_PLUGIN_CALLS", "2")
    assert build(Settings()).concurrency == Concurrency(workflow_tasks=7, activities=3, plugin_calls=2)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("WORKFLOW_TASKS", 2, 1000), ("ACTIVITIES", 1, 200), ("PLUGIN_CALLS", 1, 200)],
)
def test_bounds(name: str, lowest: int, highest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, taken in (
        (lowest, True),
        (highest, True),
        (lowest - 1, False),
        (highest + 1, False),
        ("", False),
    ):
        monkeypatch.setenv(f"CERTRAIL_WORKER_{name}", str(value))
        if taken:
            assert getattr(Settings(), f"worker_{name.lower()}") == value
        else:
            with pytest.raises(ValidationError):
                Settings()
