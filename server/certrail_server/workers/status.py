"""What a worker's process says to its parent: one JSON object a line, on a pipe."""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Receive = Callable[[dict[str, Any]], None]


class Status:
    """The child's end. A message that the parent has no room for is dropped: the next one says it again."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    def send(self, **message: Any) -> None:
        """Say something; from any thread, as a line up to 4 kB is written at once."""
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._descriptor, json.dumps(message).encode() + b"\n")


async def listen(descriptor: int, receive: Receive) -> None:
    """The parent's end: hand over every message until the child has ended."""
    reader = asyncio.StreamReader()
    file = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    try:
        while line := await reader.readline():
            with suppress(ValueError):  # a plugin may have written on the descriptor
                message = json.loads(line)
                if isinstance(message, dict):
                    receive(message)
    finally:
        transport.close()
