"""One run: how large, on which databases, and what it says while it goes on."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

T = TypeVar("T")
DATABASES = ("SQLite", "PostgreSQL")
ROUNDS = 3


class Size(StrEnum):
    """Of the work of each round."""

    QUICK = "quick"
    DEFAULT = "default"
    FULL = "full"


@dataclass
class Run:
    """Given to each benchmark.

    Attributes:
        sizes: what was chosen by `size`, for the JSON.
    """

    size: Size = Size.DEFAULT
    databases: tuple[str, ...] = DATABASES
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    sizes: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _loop: asyncio.Runner = field(default_factory=asyncio.Runner)

    @property
    def rounds(self) -> int:
        """Of each side of a ratio."""
        return self.pick("rounds", quick=1, default=ROUNDS)

    @property
    def is_full(self) -> bool:
        """Whether parts run that take many minutes."""
        return self.size is Size.FULL

    def pick(self, name: str, *, quick: int, default: int, full: int | None = None) -> int:
        """A number for this size, which the JSON names."""
        chosen = {Size.QUICK: quick, Size.DEFAULT: default, Size.FULL: default if full is None else full}
        self.sizes[name] = chosen[self.size]
        return chosen[self.size]

    def say(self, text: str) -> None:
        """One line of progress, after the minutes since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        self.console.print(f"{minutes:3d}:{seconds:02d} {text}")

    def counter(self, total: int, of: str) -> Callable[[int], None]:
        """What is given a count says it at every tenth of the whole."""
        said = 0

        def report(done: int) -> None:
            nonlocal said
            if 10 * done // total > said:
                said = 10 * done // total
                self.say(f"  {done:,} of {total:,} {of}")

        return report

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine; all of a run share an event loop, and so their connections."""
        return self._loop.run(work)

    def close(self) -> None:
        """End the event loop."""
        self._loop.close()

    def interleaved(self, what: str, sides: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
        """Each side in turn, as many times as there are rounds."""
        found: dict[str, list[T]] = {name: [] for name in sides}
        for number in range(self.rounds):
            for name, side in sides.items():
                self.say(f"{what}: round {number + 1} of {self.rounds}, {name}")
                found[name].append(side())
        return found


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of its own, which is removed."""
    path = tempfile.mkdtemp(prefix="certrail-bench-")
    try:
        yield Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
