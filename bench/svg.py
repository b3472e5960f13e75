"""A plot of figures as SVG: what was measured, from the lowest round to the highest, beside the goal.

Written by hand, as it takes a page: text, lines and dots need no library.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.harness.figures import Figure, shown

WIDTH, LEFT, RIGHT = 1040, 560, 130
NAMES = LEFT - 96
"""Where the names of figures end; those of databases are beside them."""
ROW, TOP, BOTTOM = 30, 58, 44
LEAST_SHARE, MOST_SHARE = 0.05, 5.0
"""Of the axis, which is logarithmic: half of a goal is as far from it as twice of it."""
TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
INK, FAINT, GRID, PAPER = "#1f2937", "#6b7280", "#e5e7eb", "#ffffff"
REACHED, MISSED = "#15803d", "#b91c1c"
FONT = "font-family='Helvetica, Arial, sans-serif'"


def goals(title: str, figures: Sequence[Figure]) -> str:
    """How much of its goal each figure reaches: dots for the rounds, a bar from lowest to highest, a line at the goal.

    To the right of the line is better, whether a figure is to be high or low.
    """
    rows = [figure for figure in figures if figure.goal is not None and figure.goal.bound]
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
        f" role='img' {FONT} font-size='13'>",
        f"<title>{escape(title)}</title>",
        f"<rect width='{WIDTH}' height='{height}' fill='{PAPER}'/>",
        _text(16, 26, title, size=16, weight="bold"),
        *_axis(height),
    ]
    for number, figure in enumerate(rows):
        parts += _row(figure, TOP + ROW * number + ROW / 2)
    return "\n".join((*parts, "</svg>")) + "\n"


def _axis(height: int) -> Iterator[str]:
    bottom = height - BOTTOM
    for tick in TICKS:
        x = _x(tick)
        strong = tick == 1
        yield (
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{TOP - 8}' y2='{bottom + 4}'"
            f" stroke='{INK if strong else GRID}' stroke-width='{1.5 if strong else 1}'/>"
        )
        label = "goal" if strong else f"{100 * tick:.0f} %"
        yield _text(x, bottom + 20, label, colour=INK if strong else FAINT, anchor="middle", size=12)
    yield _text(_x(1) + 8, bottom + 37, "reached \N{RIGHTWARDS ARROW}", colour=REACHED, size=12)
    yield _text(_x(1) - 8, bottom + 37, "\N{LEFTWARDS ARROW} missed", colour=MISSED, anchor="end", size=12)


def _row(figure: Figure, y: float) -> Iterator[str]:
    goal = figure.goal
    assert goal is not None
    colour = REACHED if figure.is_reached else MISSED
    shares = [_x(goal.share(value)) for value in figure.values]
    yield _text(NAMES, y + 4, _short(figure.what), anchor="end", whole=figure.what)
    yield _text(NAMES + 12, y + 4, figure.database, colour=FAINT, size=12)
    yield (
        f"<line x1='{min(shares):.1f}' x2='{max(shares):.1f}' y1='{y}' y2='{y}' stroke='{colour}'"
        " stroke-width='5' stroke-opacity='0.25' stroke-linecap='round'/>"
    )
    for share in shares:
        yield f"<circle cx='{share:.1f}' cy='{y}' r='3' fill='{colour}' fill-opacity='0.5'/>"
    middle = _x(goal.share(figure.value))
    yield f"<circle cx='{middle:.1f}' cy='{y}' r='5.5' fill='{colour}'/>"
    value = f"{shown(figure.value)} {figure.unit}".strip()
    yield _text(WIDTH - RIGHT + 14, y + 4, value, colour=colour, weight="bold")
    yield _text(WIDTH - 12, y + 4, str(goal), colour=FAINT, anchor="end", size=12)


def _short(label: str, most: int = 72) -> str:
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def _x(share: float) -> float:
    bounded = min(max(share, LEAST_SHARE), MOST_SHARE)
    part = math.log(bounded / LEAST_SHARE) / math.log(MOST_SHARE / LEAST_SHARE)
    return LEFT + part * (WIDTH - RIGHT - LEFT)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    colour: str = INK,
    anchor: str = "start",
    size: int = 13,
    weight: str = "normal",
    whole: str = "",
) -> str:
    hint = f"<title>{escape(whole)}</title>" if whole and whole != text else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' fill='{colour}' text-anchor='{anchor}' font-size='{size}'"
        f" font-weight='{weight}'>{hint}{escape(text)}</text>"
    )
