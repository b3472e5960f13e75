"""The step of the ladder that a plugin's distribution has proven: from the report that it ships."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from certrail.plugins.installed import normalized
from certrail_sdk import PROJECT

REPORT = "conformance.json"
"""As `pytest --certrail-report` writes it (docs/reference/plugin-rules.md), within the package of the plugin."""
LEVELS = ("bronze", "silver", "gold", "platinum")


def level_of(key: str, name: str, version: str) -> str:
    """``bronze`` to ``platinum``; empty without a report of this version. Nothing of the plugin is imported.

    Args:
        key: kind and name of the plugin.
        name, version: of its distribution.
    """
    for report in _reports(name):
        fits = report.get("plugin") == key and report.get("version") == version
        if fits and normalized(str(report.get("distribution"))) == normalized(name):
            return str(report["level"]) if report.get("level") in LEVELS else ""
    return ""


def _reports(name: str) -> Iterator[dict[str, Any]]:
    for folder in _packages(name):
        with suppress(OSError, ValueError):
            found = json.loads((folder / REPORT).read_text())
            yield from (
                one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)
            )


def _packages(name: str) -> Iterator[Path]:
    """The folders of the packages that the entry points of a distribution name."""
    with suppress(PackageNotFoundError):
        for point in distribution(name).entry_points:
            if point.group == PROJECT:
                with suppress(ImportError, ValueError):
                    spec = importlib.util.find_spec(point.module.partition(".")[0])
                    yield from map(Path, (spec and spec.submodule_search_locations) or ())
