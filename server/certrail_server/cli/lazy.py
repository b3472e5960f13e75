"""A group of commands whose modules are imported when one of them runs, not when they are listed."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_group


class Entry(NamedTuple):
    """One command of a lazy group.

    Attributes:
        reference: object reference, as of entry points: ``local.run:dev``, relative to this package; of a function or a
            `typer.Typer`.
        summary: one sentence for the list of commands; of a group, its whole help.
    """

    reference: str
    summary: str


class LazyGroup(TyperGroup):
    """Lists its commands without importing them. A subclass sets `sections`: titles, and commands by name."""

    sections: dict[str, dict[str, Entry]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands(
            {name: entry for section in self.sections.values() for name, entry in section.items()}
        )

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write the commands of each section, in columns of one width."""
        width = max(len(name) for name in self.commands)
        for title, entries in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in entries.items()])


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each built when it is asked for."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self._entries, self._built = entries, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _built(name, self._entries[name])
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("the commands of certrail are fixed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries


def _built(name: str, entry: Entry) -> Any:
    module, _, attribute = entry.reference.partition(":")
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    holder = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name, help=entry.summary)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]
