"""Which benchmarks there are: a name is that of its module, whose `measure` returns figures."""

from collections.abc import Callable
from importlib import import_module

from bench.harness.figures import Figure
from bench.harness.run import Run

BENCHMARKS = (
    "issuance",
    "delivery",
    "approval",
    "accept",
    "longpoll",
    "idle",
    "storage",
    "ceiling",
    "peers",
    "acme",
    "inventory",
    "console",
    "sweeps",
    "renewal",
)
"""The shorter ones first."""


def measure_of(name: str) -> Callable[[Run], list[Figure]]:
    """The function that measures."""
    found: Callable[[Run], list[Figure]] = import_module(f"bench.{name}").measure
    return found


def text_of(name: str) -> str:
    """What it measures, in the words of its module."""
    return import_module(f"bench.{name}").__doc__ or ""
