"""The connection of a command to a running certrail: address, token, calls, and errors as messages.

The client is imported when a call is made: with its HTTP library it takes half the time of a start.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrail_server.cli.common import err, fail
from certrail_server.cli.support import credentials

if TYPE_CHECKING:
    import httpx2

    from certrail_client import Client

Json = dict[str, Any]
Limit = Annotated[int, typer.Option("--limit", help="How many to list at most.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]
SECONDS = 60.0
LARGEST_PAGE = 200
UNAUTHENTICATED = (
    "Sign in with `certrail login`, or give an access token in CERTRAIL_TOKEN. The first one is made with"
    " `certrail token bootstrap` where certrail runs, further ones by an admin with: certrail token create"
)


def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
    """One call below ``/api/v1``; ends the command with the reason when it is refused."""
    return content_of(response(method, path, body, **query))


def create(path: str, body: Any = None, **query: Any) -> Any:
    """A POST that makes an object, under an Idempotency-Key, so that a retry makes no second one."""
    from certrail_client.calls import PREFIX, Call

    made: Call[Any] = Call("POST", PREFIX + path, dict, query, body, idempotent=True)
    with refusals():
        return content_of(client().response(made))


def response(method: str, path: str, body: Any = None, **query: Any) -> "httpx2.Response":
    """One call, with the whole response."""
    with refusals():
        return client().request(method, path, body, **query)


def content_of(answer: "httpx2.Response") -> Any:
    """The JSON of an answer; ``None`` for one without content."""
    return answer.json() if answer.content else None


@contextmanager
def refusals(address: str | None = None) -> Iterator[None]:
    """End the command with a message instead of an exception of the client.

    Args:
        address: of the server that is called. Default: the one of every command.
    """
    from certrail_client.errors import ApiError, CertrailClientError, Unauthenticated, Unreachable

    where = address or credentials.url()
    try:
        yield
    except Unauthenticated as refusal:
        if refusal.kind == "sign-in-too-old":
            fail(f"{refusal.problem.detail} Or sign in again with: certrail login.")
        source = "CERTRAIL_TOKEN" if credentials.token_of_environment() else "The stored sign-in"
        more = "" if source == "CERTRAIL_TOKEN" else " Sign in again with: certrail login."
        fail(f"{source} is not accepted at {where}: no valid bearer token.{more} See also CERTRAIL_URL.")
    except Unreachable as problem:
        fail(f"certrail cannot be reached at {where}: {problem.cause}; see CERTRAIL_URL.")
    except ApiError as refusal:
        said = refusal.problem
        fail(" ".join(filter(None, ("; ".join(said.messages), said.action))))
    except CertrailClientError as problem:
        fail(str(problem))


def client() -> "Client":
    """The client of this process; ends the command when there is no token."""
    return client_of(credentials.url(), _token())


@lru_cache(maxsize=1)
def client_of(url: str, token: str | None = None) -> "Client":
    """A client of a server, with the patience of all commands."""
    from importlib.metadata import version

    from certrail_client import Client, RetryPolicy

    retries = RetryPolicy(attempts=3, first_seconds=0.1, longest_seconds=10.0)
    return Client(url, token, retries=retries, timeout=SECONDS, user_agent=f"certrail/{version('certrail')}")


def scope(application: str) -> str:
    """The prefix of the objects of an Application; ``-`` is the legacy scope, which has none."""
    return "" if application == "-" else f"/applications/{application}"


def pages(path: str, most: int, **query: Any) -> Iterator[Json]:
    """The items of a list, page after page, up to a number; says when there are more."""
    return _pages(path, most, "cursor", **query)


def events(path: str, most: int, *, after: int, **query: Any) -> Iterator[Json]:
    """The same for the audit log, whose cursor is a sequence number."""
    return _pages(path, most, "after", after, **query)


def found(rows: Sequence[Json], reference: str, what: str) -> Json:
    """The row with a slug, id or e-mail address; ends the command when there is none."""
    row = next((r for r in rows if reference in (r.get("slug"), r.get("id"), r.get("email"))), None)
    return row if row is not None else fail(f"There is no such {what}, or you may not see it.")


def given(**members: Any) -> Json:
    """The members of a body that were given; the API has defaults for the others."""
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
    """JSON from a source; ends the command when it is not JSON."""
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


def _token() -> str:
    token = credentials.token_of_environment() or credentials.stored_token(credentials.url())
    if not token:
        fail(UNAUTHENTICATED)
    if not re.fullmatch(r"[!-~]+", token):
        fail("CERTRAIL_TOKEN is no token: it contains characters that no token has. Copy it again.")
    return token
