"""Writes docs/benchmarks/README.md and its plots from the JSON beside it: ``python -m bench.page``."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.catalog import BENCHMARKS, text_of
from bench.harness.figures import Figure, shown
from bench.harness.results import Result, described, read
from bench.svg import goals

FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
PAGE = "README.md"
NOTE = (
    "<!-- Written by `python -m bench.page` from the JSON files in this folder; run `make bench` instead. -->"
)
INTRODUCTION = """
Each benchmark starts real parts on one machine: `certrail dev` with its Temporal server, SQLite or PostgreSQL, fakes of
vendors. A figure is a ratio of two sides that are measured by turns in the same run, as absolute numbers differ from
machine to machine: the median of the rounds, with the lowest and the highest one. On the other side is a *floor* most
often: a workflow with one remote activity that commits one row, on the same Temporal server and the same kind of
database.

A goal that is *kept* fails the command when it is missed. The others are goals that are worked towards: they are
printed as missed, and fail nothing. No test depends on an absolute time.
""".strip()
HOW_TO = """
## How to run them

```bash
make bench
make bench ARGS="issuance accept"
make bench ARGS="delivery --full"
make bench ARGS="--json docs/benchmarks"
```

The default size takes about an hour, most of it for the large inventories, and four gigabytes of disk; nothing else
should run on the machine. `--quick` is for a test, its figures mean little. `--full` has 1,000 lineages to ACM and
2,000 open approvals, too. `--database SQLite` leaves PostgreSQL out. After a run with `--json`, write this page anew:

```bash
python -m bench.page
```
""".strip()
PEERS: Mapping[str, str] = {
    "Pebble": "is a test server: it keeps accounts, orders, certificates and its CA in memory, and they are gone with"
    " it. It serves ACME alone: no policy but a list of blocked names, no approvals by people, no audit log, no"
    " inventory, no renewal information in this version, and no API for issuing.",
    "OpenBao": "issues certificates and revokes them, serves ACME, and keeps an audit log if one is configured. It"
    " has no approvals by people, no destinations, no notifications, no renewal, and no inventory by lineage: an issued"
    " certificate is handed to the caller, and what becomes of it is the caller's work. A call is done when it is"
    " answered; there is no durable workflow behind it.",
}
"""What a peer that figures name does not do."""


def pages(results: Sequence[Result]) -> dict[str, str]:
    """Each file of the folder that is generated, by name."""
    ordered = sorted(results, key=lambda result: BENCHMARKS.index(result.benchmark))
    figures = [figure for result in ordered for figure in result.figures]
    plots = {f"{result.benchmark}.svg": result for result in ordered if any(map(_has_goal, result.figures))}
    return {
        PAGE: _page(ordered),
        "goals.svg": goals("How much of its goal each figure reaches", figures),
        **{
            name: goals(f"{result.benchmark}: how much of each goal is reached", result.figures)
            for name, result in plots.items()
        },
    }


def _page(results: Sequence[Result]) -> str:
    figures = [figure for result in results for figure in result.figures if figure.goal]
    reached = sum(figure.is_reached for figure in figures)
    parts = [
        "# Benchmarks",
        NOTE,
        INTRODUCTION,
        f"![How much of its goal each figure reaches](goals.svg)\n\n{reached} of {len(figures)} goals are reached.",
        HOW_TO,
        *(part for result in results for part in _section(result)),
        _peers(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _peers(results: Sequence[Result]) -> str:
    """What those do not do that figures name."""
    names = [name for name in PEERS if any(name in figure.what for r in results for figure in r.figures)]
    lines = [f"- **{name}** {PEERS[name]}" for name in names]
    return "\n".join(("## What a peer does not do", "", *lines)) if lines else ""


def _section(result: Result) -> Iterator[str]:
    yield f"## {result.benchmark.capitalize()}"
    yield _prose(text_of(result.benchmark))
    if any(map(_has_goal, result.figures)):
        yield f"![{result.benchmark}: how much of each goal is reached]({result.benchmark}.svg)"
    head = "| what | database | figure | lowest to highest | goal | | made of (medians) |"
    yield "\n".join((head, "|---" * 7 + "|", *map(_row, result.figures)))
    sizes = ", ".join(f"{name}: {count:,}" for name, count in result.sizes.items())
    where = ", ".join(f"{name} {value}" for name, value in result.environment.items())
    yield f"{result.size.capitalize()} size, {result.seconds:.0f} s; {sizes}. Run: {where}."


def _row(figure: Figure) -> str:
    low, high = figure.spread
    goal = f"{figure.goal}{', kept' if figure.goal.kept else ''}" if figure.goal else ""
    notes = [
        f"{name}: {value}" for name, value in figure.notes.items() if "\n" not in value and len(value) < 40
    ]
    cells = (
        figure.what,
        figure.database,
        f"**{shown(figure.value)}** {figure.unit}".strip(),
        f"{shown(low)} to {shown(high)}",
        goal,
        figure.verdict,
        "; ".join([*map(described, figure.series), *notes]),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _prose(documented: str) -> str:
    """A module's text: its first line names the command, which the page has once."""
    first, _, rest = documented.partition("\n")
    title = re.sub(r":\s*``python -m bench \w+``\.?", ".", first)
    return f"{title}\n{rest.strip()}".strip()


def _has_goal(figure: Figure) -> bool:
    return figure.goal is not None and bool(figure.goal.bound)


def main() -> int:
    """Write everything."""
    made = pages(read(FOLDER))
    for old in FOLDER.glob("*.svg"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
