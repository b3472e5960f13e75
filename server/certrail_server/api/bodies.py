"""Bodies are read whole before a route sees them: within a time, a size, and for JSON a depth and a number of members.

A parser would make objects of all that a body holds, and a validator a fault of each. What is bounded here costs one
pass over its bytes. A client that goes away meanwhile is nobody's error: nothing is answered, and nothing is logged.
"""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from itertools import islice
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 1_048_576
BODY_SECONDS = 20.0
MOST_BUFFERED = 64 * LARGEST_BODY
"""Of all bodies that are being read in this process."""
SHORT = 16_384
"""Bytes that are looked through at once."""
DEEPEST = 32
MOST_MEMBERS = 20_000
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HIGH, _LOW, _END = 0xD800, 0xDC00, 0xE000


class TooLarge(Exception):
    """The body has more bytes than are taken."""


class TooMany(Exception):
    """So many bodies are being read that this one has to wait."""


class TooSlow(Exception):
    """The body did not come in time."""


class Gone(Exception):
    """The client went away."""


class BoundedBodies:
    """ASGI middleware around the application."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._buffered = 0
        # One at a time: each holds the interpreter's lock while it is looked through.
        self._large: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and pass the call on if it is one that can be looked at."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        try:
            body = await self._read(headers, receive)
        except Gone:
            return
        except TooMany:
            detail = "Other large bodies are being read at the moment. Try again in a few seconds."
            await _refuse(scope, send, 429, "busy", "Too many at once", detail)
            return
        except TooLarge:
            detail = f"Send at most {LARGEST_BODY} bytes, with a Content-Length."
            await _refuse(scope, send, 413, "too-large", "The body is too large", detail)
            return
        except TooSlow:
            detail = f"The body did not come within {BODY_SECONDS:.0f} seconds."
            await _refuse(scope, send, 408, "too-slow", "The body is too slow", detail)
            return
        if b"json" in headers.get(b"content-type", b"application/json") and (
            fault := await self._fault_of(body)
        ):
            await _refuse(scope, send, 400, "bad-input", "Bad input", fault)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _fault_of(self, body: bytes) -> str | None:
        """`fault_of`; of a large body in a thread, so that other calls are served between one and the next."""
        if len(body) <= SHORT:
            return fault_of(body)
        self._large = self._large or CapacityLimiter(1)
        return await run_sync(fault_of, body, limiter=self._large)

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        # A body without a length could be of any size, so only bodies that say theirs are taken.
        length = headers.get(b"content-length", b"")
        if b"transfer-encoding" in headers or (length.isdigit() and int(length) > LARGEST_BODY):
            raise TooLarge
        parts: list[bytes] = []
        held = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in _parts(receive):
                    parts.append(part)
                    held += len(part)
                    self._buffered += len(part)
                    if held > LARGEST_BODY:
                        raise TooLarge
                    if self._buffered > MOST_BUFFERED:
                        raise TooMany
        except TimeoutError:
            raise TooSlow from None
        finally:
            self._buffered -= held
        return b"".join(parts)


def fault_of(body: bytes) -> str | None:
    """What makes a JSON text one that is not parsed; ``None`` if nothing does."""
    # Without its strings a text is short, and what is left of it is counted without a step for each sign.
    bare = _STRING.sub(b"", body)
    if b"NaN" in bare or b"Infinity" in bare:
        return "NaN and Infinity are no JSON numbers (RFC 8259 section 6)."
    opened = bare.count(b"[") + bare.count(b"{")
    if opened > DEEPEST and _is_deep(bare):
        return f"The body is nested more than {DEEPEST} levels deep."
    if opened + bare.count(b",") > MOST_MEMBERS:
        return f"The body has more than {MOST_MEMBERS} members."
    if _SURROGATE.search(body) and _has_lone_surrogate(body):
        return "The body holds half of a surrogate pair, which is no character (RFC 8259 section 8.2)."
    return None


def _is_deep(bare: bytes) -> bool:
    """Whether brackets are nested too deeply, as far as a text with few enough members goes."""
    depth = 0
    for bracket in islice(_BRACKET.finditer(bare), 2 * MOST_MEMBERS):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _has_lone_surrogate(body: bytes) -> bool:
    expected = -1
    for escape in _ESCAPE.finditer(body):
        code = int(escape[1], 16) if escape[1] else 0
        if expected == escape.start():
            if not _LOW <= code < _END:
                return True
            expected = -1
        elif expected >= 0 or _LOW <= code < _END:
            return True
        elif _HIGH <= code < _LOW:
            expected = escape.end()
    return expected >= 0


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _replayed(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _problem_type(path: str, kind: str) -> str:
    """Clients of ACME know the types of RFC 8555 section 6.7 only."""
    if path.startswith("/acme/"):
        return f"urn:ietf:params:acme:error:{'rateLimited' if kind == 'busy' else 'malformed'}"
    return f"urn:certrail:problem:{kind}"


async def _refuse(scope: Scope, send: Send, status: int, kind: str, title: str, detail: str) -> None:
    request_id = uuid.uuid4().hex
    problem = {
        "type": _problem_type(scope["path"], kind),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": scope["path"],
        "request_id": request_id,
    }
    content = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
