"""docs/benchmarks is what its JSON says, and its plots can be read."""

from xml.etree import ElementTree

import pytest
from bench.harness.figures import Figure, at_least, at_most
from bench.harness.results import read
from bench.page import FOLDER, pages
from bench.svg import goals

SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_and_its_plots_are_current() -> None:
    """Else run `python -m bench.page`."""
    made = pages(read(FOLDER))
    assert {file.name for file in FOLDER.iterdir() if file.suffix != ".json"} == set(made)
    assert {name: (FOLDER / name).read_text() == text for name, text in made.items()} == dict.fromkeys(
        made, True
    )


def dots(plot: str) -> list[float]:
    """Where the medians are, from left to right in pixels."""
    root = ElementTree.fromstring(plot)
    return [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle") if dot.attrib["r"] == "5.5"]


def test_better_is_to_the_right_of_the_goal() -> None:
    figures = [
        Figure("at its goal", "SQLite", [1.2], at_least(1.2)),
        Figure("twice as good", "SQLite", [2.4], at_least(1.2)),
        Figure("half as good", "SQLite", [3.0], at_most(1.5)),
        Figure("no goal", "SQLite", [3.0]),
    ]
    at_goal, better, worse = dots(goals("A & B <", figures))
    assert worse < at_goal < better
    assert better - at_goal == pytest.approx(at_goal - worse, abs=0.2)
