"""What a verb does that it should not: calls that make the event loop wait, and pauses of its own."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Any

_INSIDE = (__file__, threading.__file__)


@dataclass
class Calls:
    """Calls of one verb, each by file, line and function.

    Attributes:
        blocking: made in the event loop's thread: a pause, a look-up of a name, a connection.
        pauses: of the verb itself, in the event loop or in a thread: waiting is the engine's.
        connections: how often one was opened, wherever.
    """

    loop_thread: int = field(default_factory=threading.get_ident)
    blocking: list[str] = field(default_factory=list)
    pauses: list[str] = field(default_factory=list)
    connections: int = 0

    def paused(self) -> None:
        """Count a pause of the caller; in the event loop's thread it holds up everybody."""
        self.pauses.append(_where())
        if threading.get_ident() == self.loop_thread:
            self.blocking.append(_where())


_current: ContextVar[Calls | None] = ContextVar("calls of the verb under test", default=None)


@contextmanager
def counted(calls: Calls | None = None) -> Iterator[Calls]:
    """Count the calls of this context, of the tasks that it makes, and of threads that get its context."""
    _install()
    calls = calls or Calls()
    token = _current.set(calls)
    try:
        yield calls
    finally:
        _current.reset(token)


@cache
def _install() -> None:
    """Once for the process; without a verb under test, nothing is counted."""
    sys.addaudithook(_audited)
    sleep, asleep = time.sleep, asyncio.sleep

    def counted_sleep(seconds: float) -> None:
        if seconds > 0 and (calls := _current.get()):
            calls.paused()
        sleep(seconds)

    async def counted_asleep(delay: float, result: Any = None) -> Any:
        if delay > 0 and (calls := _current.get()):
            calls.pauses.append(_where())
        return await asleep(delay, result)

    time.sleep = counted_sleep  # type: ignore[assignment]  # which also takes what only has __index__
    asyncio.sleep = counted_asleep


def _audited(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    calls = _current.get()
    if calls is None:
        return
    if event == "socket.connect":
        calls.connections += 1
    if threading.get_ident() != calls.loop_thread:
        return
    # The event loop's own sockets do not block, nor does reading an address; a look-up of a name does.
    if _is_name(arguments[0]) if event == "socket.getaddrinfo" else arguments[0].gettimeout() != 0:
        calls.blocking.append(_where())


def _is_name(host: object) -> bool:
    try:
        ip_address(host.decode() if isinstance(host, bytes) else str(host or "0.0.0.0"))
    except ValueError:
        return True
    return False


def _where() -> str:
    stack = [frame for frame in traceback.extract_stack() if frame.filename not in _INSIDE]
    return f"{stack[-1].filename}:{stack[-1].lineno} {stack[-1].name}" if stack else "an unknown place"
