"""The connections of the HTTP server: how many there are, and how long a client may take to say what it wants.

A client that sends a request letter by letter holds a connection and costs nothing (Slowloris, CWE-400). So headers
have a deadline here and bodies one in `api.bodies`, and when too many connections wait for the rest of a request, the
oldest of them goes: a client that speaks is served.
"""

import asyncio
import logging
import resource
import sys
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
MOST_WAITING = 400
"""Connections without a complete request; each costs a descriptor and some kilobytes."""
MOST_CONNECTIONS = 2000
LARGEST_HEADERS = 32_768
DESCRIPTORS = 4096
SWITCH_SECONDS = 0.0005
"""After which a thread that computes gives way to another: the event loop waits so long for each of them."""
STREAMS = "streams"
"""In the state of a call: it is answered by a stream that has no end of its own."""
CHATTER = ("Invalid HTTP request received.", "Unsupported upgrade request.", "No supported WebSocket library")


class Connections:
    """Of one process, the oldest first."""

    def __init__(self) -> None:
        self.waiting: dict[LimitedProtocol, None] = {}
        self.open = 0


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 with a deadline for headers and a limit of connections."""

    counted = Connections()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and begin to wait for the first request."""
        super().connection_made(transport)
        self.counted.open += 1
        if self.counted.open > MOST_CONNECTIONS:
            transport.abort()
            return
        self._wait()
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.counted.open -= 1
        self._served()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or all of it."""
        if not self._is_serving() and self._deadline is None:
            self._wait()
            self._await_headers()
        super().data_received(data)
        if self._is_serving():
            self._end_deadline()
            if not self.cycle.more_body:
                self._served()

    def shutdown(self) -> None:
        """The server stops: a stream would hold it up, and its browser opens another one elsewhere."""
        super().shutdown()
        if self._is_serving() and self.scope.get("state", {}).get(STREAMS):
            self.transport.close()

    def _is_serving(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.counted.waiting[self] = None
        if len(self.counted.waiting) > MOST_WAITING:
            next(iter(self.counted.waiting))._abort()

    def _await_headers(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._abort)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _served(self) -> None:
        self._end_deadline()
        self.counted.waiting.pop(self, None)

    def _abort(self) -> None:
        self._served()
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


class Quiet(logging.Filter):
    """Drops what strangers can make the server log at will, a line for each of their packets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is kept."""
        return not str(record.msg).startswith(CHATTER)


def prepare_process() -> None:
    """Allow as many descriptors as connections need, let no thread hold up others, and keep the log from strangers."""
    sys.setswitchinterval(SWITCH_SECONDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    logging.getLogger("uvicorn.error").addFilter(Quiet())
