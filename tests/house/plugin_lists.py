"""The bundled plugins where they are listed: for mypy, import-linter and the engine; derived from ``plugins/``.

``python -m tests.house.plugin_lists`` writes them, as ``make check`` does: a new folder is checked by being there.
"""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = re.compile(r"(?:^    certrail_(?:destination|notifier|issuer)_\w+\n)+", re.MULTILINE)
FOLDERS = re.compile(r'(?:^    "plugins/(?:destinations|notifiers|issuers)/[^"*]+",\n)+', re.MULTILINE)
NAMES = re.compile(r'(?:^    "(?:destination|notifier|issuer)-[^"*]+",\n)+', re.MULTILINE)


def folders(root: Path) -> list[Path]:
    """Every plugin's folder: one that has a pyproject.toml, two levels below ``plugins/``."""
    return sorted(path.parent for path in root.glob("plugins/*/*/pyproject.toml"))


def packages(root: Path) -> list[str]:
    """The import package of every plugin."""
    return sorted(
        path.parent.name for folder in folders(root) for path in folder.glob("certrail_*/__init__.py")
    )


def bundled_keys(root: Path) -> list[str]:
    """Kind and name of every plugin, by its folder."""
    return sorted(f"{folder.parent.name.removesuffix('s')}-{folder.name}" for folder in folders(root))


def derived(root: Path) -> Mapping[Path, str]:
    """The files with the lists that the folders have."""
    contracts, project = root / ".importlinter", root / "pyproject.toml"
    bundled = root / "engine/certrail/plugins/bundled.py"
    names = "".join(f"    {name}\n" for name in packages(root))
    paths = "".join(f'    "{folder.relative_to(root).as_posix()}",\n' for folder in folders(root))
    keys = "".join(f'    "{key}",\n' for key in bundled_keys(root))
    return {
        contracts: PACKAGES.sub(names, contracts.read_text()),
        project: FOLDERS.sub(paths, project.read_text()),
        bundled: NAMES.sub(keys, bundled.read_text()),
    }


def outdated(root: Path) -> list[str]:
    """The files that do not name every plugin, and no other."""
    return [path.name for path, text in derived(root).items() if path.read_text() != text]


if __name__ == "__main__":
    for path, text in derived(ROOT).items():
        if path.read_text() != text:  # its time says when what is installed was last set up
            path.write_text(text)
