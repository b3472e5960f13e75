"""Pages that are open learn that something changed: one task of the process reads new events for all of them.

A stream says that there is news, and nothing of it (server-sent events, HTML section 9.2): the page is fetched again
then, with the permissions that its reader has at that time.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from certrail.services.core.audit_log import AuditLog
from certrail_server.http_protocol import STREAMS

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.4
SILENT_SECONDS = 15.0
"""After which something is sent, so that proxies keep the connection."""
STREAM_SECONDS = 300.0
"""How long a stream is; the browser opens the next one, for which its reader must be signed in still."""
RETRY_MILLISECONDS = 1000
MOST_EVENTS = 500
MOST_OF_ONE = 12
MOST = 500
Concerns = Callable[[Any], bool]
"""Whether a page shows something of an event."""


@dataclass(eq=False)
class _Listener:
    concerns: Concerns
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    seq: int = 0


class Live:
    """The open streams of one process."""

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log
        self._listeners: set[_Listener] = set()
        self._of_one: Counter[str | None] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._seq = 0

    def has_room(self, principal_id: str | None) -> bool:
        """Whether another stream may be opened."""
        return self._of_one[principal_id] < MOST_OF_ONE and self._of_one.total() < MOST

    @contextmanager
    def listening(self, principal_id: str | None, concerns: Concerns) -> Iterator[_Listener]:
        """Be notified of events until the block ends."""
        listener = _Listener(concerns)
        self._of_one[principal_id] += 1
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            # In a context of its own: that of a call has the read transaction of the call.
            self._task = asyncio.create_task(self._look(), context=Context())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._of_one[principal_id] -= 1
            if not self._of_one[principal_id]:
                del self._of_one[principal_id]

    async def missed(self, after: int, concerns: Concerns) -> int:
        """The number of the last event since the page was made that concerns it, or 0."""
        rows = await run_in_threadpool(self._audit_log.events, None, after=after, limit=MOST_EVENTS)
        if len(rows) == MOST_EVENTS:
            return rows[-1].seq or 0
        return max((row.seq or 0 for row in rows if concerns(row)), default=0)

    async def _look(self) -> None:
        """Until no page is open any more."""
        self._seq = (await run_in_threadpool(self._audit_log.head)).seq
        while self._listeners:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look_once()
            except Exception as problem:
                log.error("open pages are not notified: %s", type(problem).__name__)

    async def _look_once(self) -> None:
        rows = await run_in_threadpool(self._audit_log.events, None, after=self._seq, limit=MOST_EVENTS)
        for row in rows:
            self._seq = row.seq or self._seq
            for listener in self._listeners:
                if listener.concerns(row):
                    listener.seq = self._seq
                    listener.changed.set()


class Changes(Response):
    """A stream of server-sent events for one open page."""

    def __init__(self, live: Live, principal_id: str | None, after: int, concerns: Concerns) -> None:
        super().__init__(media_type="text/event-stream")
        self._live, self._principal_id = live, principal_id
        self._after, self._concerns = after, concerns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send `changed` for each piece of news, until the browser goes or the time is over."""
        if not self._live.has_room(self._principal_id):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        scope.setdefault("state", {})[STREAMS] = True
        headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with self._live.listening(self._principal_id, self._concerns) as listener:
            await self._send(send, f"retry: {RETRY_MILLISECONDS}\n\n")
            missed = await self._live.missed(self._after, self._concerns)
            if missed:
                listener.seq = max(listener.seq, missed)
                listener.changed.set()
            await self._follow(listener, receive, send)
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body", "body": b""})

    async def _follow(self, listener: _Listener, receive: Receive, send: Send) -> None:
        ends = time.monotonic() + STREAM_SECONDS
        gone = asyncio.ensure_future(_gone(receive))
        try:
            while time.monotonic() < ends:
                waits = asyncio.ensure_future(listener.changed.wait())
                await asyncio.wait({waits, gone}, timeout=SILENT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                waits.cancel()
                if gone.done():
                    return
                if not listener.changed.is_set():
                    await self._send(send, ": nothing yet\n\n")
                    continue
                listener.changed.clear()
                await self._send(send, f"id: {listener.seq}\nevent: changed\ndata: {listener.seq}\n\n")
        finally:
            gone.cancel()

    async def _send(self, send: Send, text: str) -> None:
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
