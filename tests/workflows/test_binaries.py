"""Where Temporal's programs are looked for."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from certrail_workflows import binaries


def test_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "temporal"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.temporal_binary() == mine


def test_then_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for found in (binaries.temporal_binary(), binaries.test_server_binary()):
        assert found is not None
        assert found.is_file()


def test_without_either_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "distribution", _missing)
    assert binaries.temporal_binary() is None


def _missing(name: str) -> None:
    raise PackageNotFoundError(name)
