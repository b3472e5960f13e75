"""Writes the package of a new plugin from the templates beside this module."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 26
"""So that no line of the templates is too long."""
ENDING = ".template"


class Unfit(ValueError):
    """What was given cannot be made a package; the message says what to change."""


def _refuse_unfit_name(name: str) -> None:
    if len(name) > LONGEST_NAME or NAME.fullmatch(name) is None:
        raise Unfit(
            "A plugin is named by lower-case words joined by -, such as acme-cdn: a letter first, at most"
            f" {LONGEST_NAME} characters."
        )


def create(kind: str, name: str, parent: Path) -> Path:
    """Write the package ``certrail-<kind>-<name>`` into a folder; returns its own folder.

    Args:
        kind: ``destination`` or ``notifier``.
        name: as the plugin contract wants it.

    Raises:
        Unfit: the name is refused, or there is something of that name already.
        OSError: it cannot be written.
    """
    _refuse_unfit_name(name)
    folder = parent / f"certrail-{kind}-{name}"
    if folder.exists():
        raise Unfit(f"{folder} exists already; choose another name, or another place with --directory.")
    values = {
        "kind": kind,
        "name": name,
        "distribution": folder.name,
        "module": folder.name.replace("-", "_"),
        "file": name.replace("-", "_"),
        "title": " ".join(word.capitalize() for word in name.split("-")),
        "klass": "".join(word.capitalize() for word in name.split("-")),
    }
    for part in ("shared", kind):
        _write(files(__package__) / "templates" / part, folder, values)
    return folder


def _write(source: Traversable, target: Path, values: dict[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        path = target / Template(entry.name.removesuffix(ENDING)).substitute(values)
        if entry.is_dir():
            _write(entry, path, values)
        elif entry.name.endswith(ENDING):
            path.write_text(Template(entry.read_text("utf-8")).substitute(values), "utf-8")
