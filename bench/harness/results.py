"""The result of one benchmark, as JSON in a file of its own and as a table for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from rich.table import Table

from bench.harness.figures import Figure, Series, shown
from bench.harness.run import Size

DIGITS = 5


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
    text = _ADAPTER.dump_json(result, indent=1).decode()
    (folder / f"{result.benchmark}.json").write_text(text + "\n")


def read(folder: Path) -> list[Result]:
    """All results of a folder, by name."""
    return [_ADAPTER.validate_json(file.read_text()) for file in sorted(folder.glob("*.json"))]


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
