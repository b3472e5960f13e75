"""The result of one benchmark, as JSON in a file of its own and as a table for a person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.table import Table

from bench.harness.figures import Figure, Series, shown
from bench.harness.run import Size

DIGITS = 4
"""Of a measured value that are kept: the others differ from run to run."""


@dataclass(frozen=True)
class Result:
    """What one benchmark measured, with what it takes to measure it again.

    Attributes:
        sizes: how much was done, by name.
    """

    benchmark: str
    size: Size
    seconds: float
    environment: Mapping[str, str]
    sizes: Mapping[str, int]
    figures: Sequence[Figure]

    def fails(self) -> bool:
        """Whether a figure is beyond a goal that is kept."""
        return any(figure.fails(quick=self.size is Size.QUICK) for figure in self.figures)


_ADAPTER = TypeAdapter(Result)


def write(result: Result, folder: Path) -> None:
    """As `<benchmark>.json`; a later run replaces it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_rounded(_ADAPTER.dump_python(result, mode="json")), indent=1, ensure_ascii=False)
    (folder / f"{result.benchmark}.json").write_text(text + "\n")


def read(folder: Path) -> list[Result]:
    """All results of a folder, by name."""
    return [_ADAPTER.validate_json(file.read_text()) for file in sorted(folder.glob("*.json"))]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def table(result: Result) -> Table:
    """For a terminal."""
    columns = ("what", "database", "figure", "lowest to highest", "goal", "", "made of (medians)")
    made = Table(*columns, title=f"{result.benchmark} ({result.size}, {result.seconds:.0f} s)")
    for figure in result.figures:
        colour = "green" if figure.is_reached else "red"
        low, high = figure.spread
        made.add_row(
            figure.what,
            figure.database,
            f"{shown(figure.value)} {figure.unit}".strip(),
            f"{shown(low)} to {shown(high)}",
            str(figure.goal or ""),
            f"[{colour}]{figure.verdict}[/]" if figure.goal else "",
            "\n".join(map(described, figure.series)),
        )
    return made


def described(series: Series) -> str:
    """A series in one line."""
    return f"{series.name}: {shown(series.median)} {series.unit}".strip()
