"""What commands need that speak to a running certrail over its API, as anybody with a token may."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.markup import escape
from rich.table import Table

from certrail_server.cli.common import err, fail, out

Json = dict[str, Any]
Limit = Annotated[int, typer.Option("--limit", help="At most so many.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
DEFAULT_URL = "http://127.0.0.1:8080"
SECONDS = 60


def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
    """One call below ``/api/v1``; ends the command with what is wrong when it is refused."""
    answer = answer_of(method, path, body, **query)
    return answer.json() if answer.content else None


def answer_of(method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
    """The same, as it came."""
    url = os.environ.get("CERTRAIL_URL", DEFAULT_URL).rstrip("/")
    token = os.environ.get("CERTRAIL_TOKEN")
    if not token:
        fail("Give your token in CERTRAIL_TOKEN; an admin makes one with: certrail token create")
    given = {name: value for name, value in query.items() if value not in (None, [])}
    try:
        answer = httpx2.request(
            method,
            f"{url}/api/v1{path}",
            json=body,
            params=given,
            headers={"authorization": f"Bearer {token}"},
            timeout=SECONDS,
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
        fail(f"certrail cannot be reached at {url} ({type(problem).__name__}); see CERTRAIL_URL.")
    if answer.is_error:
        fail(_told(answer))
    return answer


def scope(application: str) -> str:
    """Where the API has the objects of an Application; ``-`` stands for those that belong to none."""
    return "" if application == "-" else f"/applications/{application}"


def pages(path: str, most: int, **query: Any) -> Iterator[Json]:
    """The items of a list, page after page, at most so many; says when there are more."""
    cursor, left = None, most
    while left > 0:
        page = call("GET", path, cursor=cursor, limit=min(left, 200), **query)
        yield from page["items"][:left]
        left -= len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return
    err.print(f"These are the first {most}; there are more: raise --limit.")


def listed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """A table of some members of each row, or everything as JSON."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(_cell(_inside(row, column)) for column in columns))
    out.print(table)


def shown(row: Mapping[str, Any], as_json: bool, *left_out: str) -> None:
    """One object, a member a line, or everything as JSON."""
    if as_json:
        typer.echo(json.dumps(row, indent=2))
        return
    table = Table.grid(padding=(0, 2))
    for name, value in row.items():
        if name not in left_out:
            table.add_row(f"[bold]{name}[/bold]", _cell(value))
    out.print(table)


def read_text(path: Path) -> str:
    """A file's text; ends the command when it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        fail(f"{path} cannot be read: {problem}")


def read_json(path: Path) -> Any:
    """A file's JSON; ends the command when it cannot be read."""
    return parsed_json(read_text(path), str(path))


def parsed_json(text: str, where: str) -> Any:
    """JSON that was read somewhere; ends the command when it is none."""
    try:
        return json.loads(text)
    except ValueError as problem:
        fail(f"{where} is no JSON: {problem}")


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """``name=value`` options; ends the command for another form."""
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            fail(f"Write {option} as name=value, not {pair!r}.")
        found[name] = value
    return found


def _told(answer: httpx2.Response) -> str:
    try:
        problem = answer.json()
        lines = [f"{violation['message']}" for violation in problem.get("violations", [])]
        return "; ".join(lines) or str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"certrail answered {answer.status_code}."


def _inside(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return escape(value if isinstance(value, str) else json.dumps(value))
