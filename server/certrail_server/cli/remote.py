"""What commands need that speak to a running certrail over its API, as anybody with a token may."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from certrail_server.cli.common import err, fail

Json = dict[str, Any]
Limit = Annotated[int, typer.Option("--limit", help="At most so many.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
DEFAULT_URL = "http://127.0.0.1:8080"
SECONDS = 60
LARGEST_PAGE = 200
UNAUTHENTICATED = (
    "Give your token in CERTRAIL_TOKEN. The first one is made with `certrail token bootstrap` where certrail runs,"
    " further ones by an admin with: certrail token create"
)


def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
    """One call below ``/api/v1``; ends the command with what is wrong when it is refused."""
    answer = answer_of(method, path, body, **query)
    return answer.json() if answer.content else None


def answer_of(method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
    """The same, as it came."""
    url, token = _url(), _token()
    try:
        answer = httpx2.request(
            method,
            f"{url}/api/v1{path}",
            json=body,
            params={name: value for name, value in query.items() if value not in (None, [])},
            headers={"authorization": f"Bearer {token}"},
            timeout=SECONDS,
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
        fail(f"certrail cannot be reached at {url} ({type(problem).__name__}); see CERTRAIL_URL.")
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        fail(
            f"CERTRAIL_TOKEN is not accepted at {url}: it is no valid bearer token there. See also CERTRAIL_URL."
        )
    if answer.is_error:
        fail(_told(answer))
    return answer


def has_token() -> bool:
    """Whether the caller brought a token."""
    return bool(os.environ.get("CERTRAIL_TOKEN"))


def scope(application: str) -> str:
    """Where the API has the objects of an Application; ``-`` stands for those that belong to none."""
    return "" if application == "-" else f"/applications/{application}"


def pages(path: str, most: int, **query: Any) -> Iterator[Json]:
    """The items of a list, page after page, at most so many; says when there are more."""
    return _pages(path, most, "cursor", **query)


def events(path: str, most: int, *, after: int, **query: Any) -> Iterator[Json]:
    """The same of the record, whose pages go on after a number."""
    return _pages(path, most, "after", after, **query)


def found(rows: Sequence[Json], reference: str, what: str) -> Json:
    """The row that a slug, an id or an e-mail address means; ends the command when there is none."""
    row = next((r for r in rows if reference in (r.get("slug"), r.get("id"), r.get("email"))), None)
    return row if row is not None else fail(f"There is no such {what}, or you may not see it.")


def given(**members: Any) -> Json:
    """The members of a body that were given; the API knows what the others are then."""
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def read_text(path: Path) -> str:
    """A file's text; ends the command when it cannot be read."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        fail(f"{path} cannot be read: it is no text.")
    except OSError as problem:
        fail(f"{path} cannot be read: {problem.strerror}.")


def read_json(path: Path) -> Any:
    """A file's JSON; ends the command when it cannot be read."""
    return parsed_json(read_text(path), str(path))


def parsed_json(text: str, where: str) -> Any:
    """JSON that was read somewhere; ends the command when it is none."""
    try:
        return json.loads(text)
    except ValueError as problem:
        fail(f"{where} is no JSON: {problem}")


def pairs(options: Sequence[str], option: str) -> dict[str, str]:
    """``name=value`` options; ends the command for another form."""
    read = {}
    for pair in options:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            fail(f"Write {option} as name=value, not {pair!r}.")
        read[name] = value
    return read


def _pages(path: str, most: int, position: str, start: Any = None, **query: Any) -> Iterator[Json]:
    left = most
    while left > 0:
        page = call("GET", path, limit=min(left, LARGEST_PAGE), **{position: start}, **query)
        yield from page["items"][:left]
        left -= len(page["items"])
        start = page["next_cursor"]
        if start is None:
            return
    err.print(f"These are the first {most}; there are more: raise --limit.")


def _url() -> str:
    url = os.environ.get("CERTRAIL_URL", DEFAULT_URL).rstrip("/")
    if not url.startswith(("http://", "https://")):
        fail(f"certrail cannot be reached at {url}: begin with http:// or https://; see CERTRAIL_URL.")
    return url


def _token() -> str:
    token = os.environ.get("CERTRAIL_TOKEN", "").strip()
    if not token:
        fail(UNAUTHENTICATED)
    if not re.fullmatch(r"[!-~]+", token):
        fail("CERTRAIL_TOKEN is no token: it holds characters that no token has. Copy it anew.")
    return token


def _told(answer: httpx2.Response) -> str:
    try:
        problem = answer.json()
        lines = [f"{violation['message']}" for violation in problem.get("violations", [])]
        return "; ".join(lines) or str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"certrail answered {answer.status_code}."
