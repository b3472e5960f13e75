"""How answers are printed for people: names instead of ids, and nothing cut off that is copied."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from certrail.domain.formats import escaped
from certrail_server.cli.common import SafeConsole, out

Json = dict[str, Any]
Column = str | tuple[str, str | Callable[[Json], Any]]
"""A member of each row; or a heading, and a member, ``a.b`` for one inside another, or what makes the cell of a row."""

ANY_WIDTH = 100_000
BETWEEN = 2
NARROWEST_TEXT = 16
LONGEST_TEXT = 160
"""In a table on a terminal; whoever wants all of a long message shows the object."""
SHORT_ID = 12
"""Digits of an id that a person sees; commands take any beginning that is unique."""
FULL_ID = re.compile(r"[0-9a-f]{32}")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


def listed(rows: Sequence[Json], columns: Sequence[Column], as_json: bool) -> None:
    """A table of some members of each row, or everything as JSON."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2))
        return
    table, width = Table(box=None, padding=(0, BETWEEN, 0, 0), pad_edge=False), 0
    texts = [[_cell(row, column) for row in rows] for column in columns]
    for column, cells in zip(columns, texts, strict=True):
        heading = column.replace("_", " ") if isinstance(column, str) else column[0]
        longest = max(map(len, (heading, *cells)))
        whole = not any(" " in cell for cell in cells)
        narrowest = longest if whole else min(longest, NARROWEST_TEXT)
        table.add_column(heading, no_wrap=whole, min_width=narrowest, overflow="fold")
        width += narrowest + BETWEEN
    for line in zip(*texts, strict=True):
        table.add_row(*map(Text, line))
    _print(table, width)


def shown(row: Json, as_json: bool, *left_out: str) -> None:
    """One object, a member a line in the order of the API, or everything as JSON.

    An id is left out where the name of the same object is a member too, and shortened elsewhere.

    Args:
        left_out: members that are not printed for people, at any depth.
    """
    if as_json:
        typer.echo(json.dumps(row, indent=2))
        return
    table = Table.grid(padding=(0, BETWEEN))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in readable(row).items():
        if name not in left_out and (lines := list(_lines(value, left_out))):
            table.add_row(Text(name.replace("_", " ")), Text("\n".join(lines)))
    _print(table)


def readable(row: Mapping[str, Any]) -> Json:
    """The members that a person reads: the name of an object in the place of its id, where the row has both."""
    ids = {
        name for name in row if name.endswith("_id") and isinstance(row.get(name.removesuffix("_id")), str)
    }
    names = {row[name]: row[name.removesuffix("_id")] for name in ids}
    return {
        name: names.get(value, value) if isinstance(value, str) else value
        for name, value in row.items()
        if name not in ids
    }


def inside(row: Json, path: str) -> Any:
    """A member of a row, or with ``a.b`` one of a member."""
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def named(common_name: str | None, sans: Mapping[str, Sequence[str]] | None) -> str:
    """What a certificate is for: its common name, else the first of its other names."""
    names = dict.fromkeys(name for kind in (sans or {}).values() for name in kind)
    first = common_name or next(iter(names), "")
    others = len(names.keys() - {first})
    return f"{first} and {others} more" if others else first


def _print(table: Table, least: int = 0) -> None:
    """On a terminal as wide as that, or as wide as its cells need; anywhere else each row is one line."""
    width = max(out.width, least) if out.is_terminal else ANY_WIDTH
    console = SafeConsole(width=width)
    with console.capture() as rendered:
        console.print(table, crop=False)
    for line in rendered.get().splitlines():
        typer.echo(line.rstrip())


def _cell(row: Json, column: Column) -> str:
    member = column if isinstance(column, str) else column[1]
    text = escaped(" ".join(_text(member(row) if callable(member) else inside(row, member)).splitlines()))
    if out.is_terminal and FULL_ID.fullmatch(text):
        return text[:SHORT_ID]
    if out.is_terminal and " " in text and len(text) > LONGEST_TEXT:
        return f"{text[: LONGEST_TEXT - 1]}…"
    return text


def _text(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {text}" for name, inner in value.items() if (text := _text(inner)))
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if (time := TIME.fullmatch(str(value))) is not None:
        return f"{time[1]}Z"
    return str(value)


def _lines(value: Any, left_out: Sequence[str]) -> Iterator[str]:
    """A value in as many lines as it needs; what is inside another is indented, what is null is left out."""
    if isinstance(value, Mapping):
        for member, inner in readable(value).items():
            name, lines = (
                member.replace("_", " "),
                [] if member in left_out else list(_lines(inner, left_out)),
            )
            if len(lines) == 1 and not isinstance(inner, Mapping):
                yield f"{name}: {lines[0]}"
            elif lines:
                yield from (f"{name}:", *(f"  {line}" for line in lines))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for item in value:
            marks = iter(("- ",))
            yield from (f"{next(marks, '  ')}{line}" for line in _lines(item, left_out))
    elif value is not None and value != []:
        yield from _text(value).splitlines() or ("",)
