"""A plugin that hangs, exits or crashes while it is imported: it is listed as broken, and everything else works."""

from pathlib import Path

import pytest
from tests.server.test_plugins_command import BUNDLED, install, listed

from certrail.plugins import probe

SOURCES = {
    "sleep": "import time; time.sleep(600)",
    "exit": "import sys; sys.exit(3)",
    "dies": "import os; os._exit(9)",
    "crash": "import ctypes; ctypes.string_at(0)",
    "interrupt": "raise KeyboardInterrupt",
}
REASONS = {
    "sleep": "import took more than",
    "exit": "import ended the process (exit code 3)",
    "dies": "import ended the process (exit code 9)",
    "crash": "import ended the process (signal 11)",
    "interrupt": "import ended the process (",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, and a data folder that remembers."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "data").mkdir(mode=0o700)
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CERTRAIL_PLUGIN_PROBE_FILE", str(tmp_path / "data" / "plugins.json"))
    return tmp_path


def test_whatever_an_import_does_the_others_are_loaded(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LIMIT_SECONDS", 8.0)
    for name, source in SOURCES.items():
        install(site, f"certrail-destination-{name}", source)
    rows = listed()
    for name, reason in REASONS.items():
        row = rows["destination", name]
        assert (row["state"], row["version"]) == ("failed", "1.2.3")
        assert row["reason"].startswith(reason)
    assert {key for key, row in rows.items() if row["state"] == "ready"} == BUNDLED


def test_an_outcome_is_remembered_until_the_plugin_changes(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "certrail-destination-exit", SOURCES["exit"])
    assert listed()["destination", "exit"]["state"] == "failed"

    def refuse(_candidates: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(probe, "_probe", refuse)
        assert listed()["destination", "exit"]["state"] == "failed"
    (site / "certrail_destination_exit.py").write_text("raise RuntimeError('mended in part')")
    assert "mended in part" in listed()["destination", "exit"]["reason"]


def test_what_is_remembered_may_be_damaged(site: Path) -> None:
    (site / "data" / "plugins.json").write_text("{")
    assert {key for key, row in listed().items() if row["state"] == "ready"} == BUNDLED
    (site / "data" / "plugins.json").write_text('{"a": []}')
    assert {key for key, row in listed().items() if row["state"] == "ready"} == BUNDLED
