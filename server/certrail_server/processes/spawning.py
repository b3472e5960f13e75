"""Processes that die with the one that started them, and how they are ended."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import IO, Protocol

log = logging.getLogger(__name__)


class Process(Protocol):
    """What is used of a process: `asyncio.subprocess.Process` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, the negative number of the signal that ended it, or ``None`` while it runs."""

    async def wait(self) -> int:
        """Wait for its end; returns the `returncode`."""

    def terminate(self) -> None:
        """Send SIGTERM. Raises ProcessLookupError after its end."""

    def kill(self) -> None:
        """Send SIGKILL. Raises ProcessLookupError after its end."""


async def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] = MappingProxyType({}),
    pass_fds: Collection[int] = (),
    stdin: int = asyncio.subprocess.DEVNULL,
    output: IO[bytes] | None = None,
) -> asyncio.subprocess.Process:
    """Execute a command in a process that dies with this one. Raises OSError where the machine refuses."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "certrail_server.processes.child",
        *command,
        env={**os.environ, **env},
        pass_fds=pass_fds,
        stdin=stdin,
        stdout=output,
        stderr=output,
        # A Ctrl-C in the terminal is for the supervisor, which then stops its children in order.
        start_new_session=True,
    )


def how(code: int) -> str:
    """How a process ended."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


async def end(process: Process, name: str, seconds: float) -> None:
    """End a process by SIGTERM, or by SIGKILL if it has not ended after some seconds."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        log.warning("%s did not stop in %.0f s and is killed", name, seconds)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
