"""What a benchmark returns: figures, each with the rounds behind it and the goal that it is compared with."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Goal:
    """A bound of a figure.

    Attributes:
        kept: whether a figure beyond it fails the command. A goal that no run has reached yet is printed as missed.
        at_any_size: whether that is so in the quick size too, in which a ratio means little.
    """

    bound: float
    least: bool
    kept: bool = False
    at_any_size: bool = False

    def is_reached(self, value: float) -> bool:
        """Whether the value is on the right side; the bound itself is."""
        return value >= self.bound if self.least else value <= self.bound

    def share(self, value: float) -> float:
        """How much of the goal is reached, so that more is better: 1 at the bound."""
        if self.least:
            return value / self.bound
        return self.bound / value if value else math.inf

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {shown(self.bound)}"


def at_least(bound: float, *, kept: bool = False) -> Goal:
    """More is better."""
    return Goal(bound, least=True, kept=kept)


def at_most(bound: float, *, kept: bool = False) -> Goal:
    """Less is better."""
    return Goal(bound, least=False, kept=kept)


def none() -> Goal:
    """A count of what must not happen, however small the run is."""
    return Goal(0, least=False, kept=True, at_any_size=True)


@dataclass(frozen=True)
class Series:
    """One value a round, in a unit such as ``/s`` or ``ms``."""

    name: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        database: ``SQLite``, ``PostgreSQL``, or empty where none takes part.
        unit: of the values; a ratio has ``x``.
        values: one a round; for a ratio, that of the two sides measured one after the other.
        series: what the values were made of, in their own units.
        notes: what else was seen, by name.
    """

    what: str
    database: str
    values: Sequence[float]
    goal: Goal | None = None
    unit: str = "x"
    series: Sequence[Series] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest round."""
        return min(self.values), max(self.values)

    @property
    def is_reached(self) -> bool:
        """Whether the median reaches the goal; without one, always."""
        return self.goal is None or self.goal.is_reached(self.value)

    def fails(self, *, quick: bool) -> bool:
        """Whether the command fails by it."""
        if self.goal is None or self.is_reached:
            return False
        return self.goal.kept and (self.goal.at_any_size or not quick)

    @property
    def verdict(self) -> str:
        """A word for the table."""
        if self.goal is None:
            return ""
        return "reached" if self.is_reached else "missed"


def ratio(
    what: str,
    database: str,
    over: Series,
    under: Series,
    goal: Goal | None = None,
    *,
    beside: Sequence[Series] = (),
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """One series divided by another, round by round, so that both sides of a round have the same weather."""
    values = [a / b for a, b in zip(over.values, under.values, strict=True)]
    return Figure(what, database, values, goal, series=(over, under, *beside), notes=notes or {})


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share, in percent, does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def shown(value: float) -> str:
    """Three digits that matter."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
