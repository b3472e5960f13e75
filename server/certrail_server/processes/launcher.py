"""Starts certrail's own processes as forks of one that has imported what they run.

An import of certrail takes more than a second of CPU and 100 MB. The launcher does it once, beside the process that
uses it, which stays small. It only forks: no thread, no event loop, no database and no plugin is in it, as a fork would
harm them. It is used on Linux; elsewhere, and after the launcher has died, each process imports for itself.
"""

import asyncio
import errno
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from types import MappingProxyType
from typing import Any

from setproctitle import setproctitle

from certrail_server.processes.child import die_with
from certrail_server.processes.forked import STOPPING, run_forked
from certrail_server.processes.spawning import Process, spawn

LARGEST_MESSAGE = 1 << 16
MOST_DESCRIPTORS = 8
LAUNCH_SECONDS = 30.0
"""How long the launcher may take to fork; a machine that swaps is slow, and not yet refusing."""


class Forked:
    """A process of the launcher. Signals go through the launcher: it knows whether the process id is still its own."""

    def __init__(self, pid: int, launcher: "Launcher") -> None:
        self._pid, self._launcher = pid, launcher
        self._code: int | None = None
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, the negative number of the signal that ended it, or ``None`` while it runs."""
        return self._code

    async def wait(self) -> int:
        """Wait for its end; returns the `returncode`."""
        await self._ended.wait()
        assert self._code is not None
        return self._code

    def terminate(self) -> None:
        """Send SIGTERM. Raises ProcessLookupError after its end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL. Raises ProcessLookupError after its end."""
        self._signal(signal.SIGKILL)

    def ended(self, code: int) -> None:
        """Called by the launcher's reader."""
        self._code = code
        self._ended.set()

    def _signal(self, number: int) -> None:
        if self._code is not None:
            raise ProcessLookupError(self._pid)
        self._launcher.send({"signal": number, "pid": self._pid})


class Launcher:
    """The starting process' end of the launcher."""

    def __init__(self, channel: socket.socket | None, pid: int | None) -> None:
        self._channel, self._pid = channel, pid
        self._running: dict[int, Forked] = {}
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._one_at_a_time = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rest = b""

    @classmethod
    def start(cls, modules: Iterable[str]) -> "Launcher":
        """Fork the launcher, which then imports modules; before this process has a thread or an event loop.

        Args:
            modules: what the processes run; each has a function `main`, or is imported by one that has.
        """
        if sys.platform != "linux" or threading.active_count() > 1:
            return cls(None, None)
        mine, its = socket.socketpair()
        starter, wanted = os.getpid(), tuple(modules)
        pid = os.fork()
        if pid == 0:
            mine.close()
            run_forked(lambda: _Fork(its).serve(starter, wanted))
        its.close()
        mine.setblocking(False)
        return cls(mine, pid)

    async def launch(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        title: str,
        env: Mapping[str, str] = MappingProxyType({}),
        descriptors: Mapping[str, int] = MappingProxyType({}),
        stdin: int | None = None,
    ) -> Process:
        """Start a process that runs `main` of a module, and dies with this one.

        Raises OSError where the machine refuses.

        Args:
            title: its name in a list of processes.
            descriptors: by the option that names them to the process, such as ``--status``.
            stdin: a descriptor; by default there is nothing to read.
        """
        async with self._one_at_a_time:
            if self._channel is not None:
                request: dict[str, Any] = {"module": module, "arguments": list(arguments), "title": title}
                request["env"] = dict(env)
                named = {"stdin": stdin} if stdin is not None else {}
                if (forked := await self._fork(request, {**named, **descriptors})) is not None:
                    return forked
        options = (word for option, number in descriptors.items() for word in (option, str(number)))
        return await spawn(
            (sys.executable, "-m", module, *arguments, *options),
            env=env,
            pass_fds=tuple(descriptors.values()),
            stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
        )

    def close(self) -> None:
        """End the launcher, and with it all that it has started."""
        self._lost()
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = None

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send the launcher a message; nothing is sent to one that has died, as its processes died with it."""
        if self._channel is None:
            return
        with suppress(OSError):
            socket.send_fds(self._channel, [json.dumps(message).encode() + b"\n"], list(descriptors))

    async def _fork(self, request: dict[str, Any], descriptors: Mapping[str, int]) -> Forked | None:
        """A new process; ``None`` if the launcher has died."""
        assert self._channel is not None
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._channel, self._read)
        self.send({**request, "descriptors": list(descriptors)}, list(descriptors.values()))
        try:
            async with asyncio.timeout(LAUNCH_SECONDS):
                answer = await self._answers.get()
        except TimeoutError:
            self.close()  # an answer that comes late would be taken for the next one's
            raise
        if "refused" in answer:
            raise OSError(answer["refused"], os.strerror(answer["refused"]))
        return self._running.get(answer["pid"]) if "pid" in answer else None

    def _read(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(LARGEST_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._received(json.loads(line))

    def _received(self, message: dict[str, Any]) -> None:
        if "ended" in message:
            if (process := self._running.pop(message["ended"], None)) is not None:
                process.ended(message["code"])
            return
        if "pid" in message:
            # Before the message of its end can be read, which may be in the same packet.
            self._running[message["pid"]] = Forked(message["pid"], self)
        self._answers.put_nowait(message)

    def _lost(self) -> None:
        """The launcher has died, and the kernel has killed what it had started."""
        if self._channel is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._channel)
        self._channel.close()
        self._channel = None
        for process in self._running.values():
            process.ended(-signal.SIGKILL)
        self._running.clear()
        self._answers.put_nowait({})


class _Fork:
    """The launcher itself: forks, passes signals on, and reports ends."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._running: set[int] = set()

    def serve(self, starter: int, modules: Iterable[str]) -> None:
        """Serve until the starting process is gone."""
        setproctitle("certrail: launcher")
        os.setsid()  # a Ctrl-C in the terminal is for the starting process
        # So is a SIGTERM that systemd sends to all: the launcher's end would kill what is to end in order.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        die_with(starter)
        for module in modules:
            import_module(module)
        # What is there by now is shared by all forks: no garbage collection needs to write on its pages.
        gc.collect()
        gc.freeze()
        awake, wake = socket.socketpair()
        for end in (awake, wake):
            end.setblocking(False)
        # The handler only makes the kernel interrupt `select`, by a byte in the pair.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        while True:
            readable, _, _ = select.select([self._channel, awake], [], [])
            if awake in readable:
                with suppress(BlockingIOError):
                    awake.recv(LARGEST_MESSAGE)
                self._reap()
            if self._channel in readable:
                data, descriptors, _, _ = socket.recv_fds(
                    self._channel, LARGEST_MESSAGE, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
                if not data:
                    return
                for line in data.splitlines():
                    request = json.loads(line)
                    if "signal" in request:
                        self._pass_on(request)
                        continue
                    # Requests wait for their answer, so that one message has the descriptors of one request.
                    self._fork(request, descriptors, (awake, wake))

    def _pass_on(self, request: Mapping[str, Any]) -> None:
        if request["pid"] in self._running:
            os.kill(request["pid"], request["signal"])

    def _fork(
        self, request: Mapping[str, Any], descriptors: Sequence[int], own: Sequence[socket.socket]
    ) -> None:
        launcher = os.getpid()
        try:
            pid = os.fork()
        except OSError as problem:
            self._send(refused=problem.errno or errno.EAGAIN)
        else:
            if pid == 0:
                for end in (self._channel, *own):
                    end.close()
                named = dict(zip(request["descriptors"], descriptors, strict=True))
                run_forked(lambda: _become(request, named, launcher))
            self._running.add(pid)
            self._send(pid=pid)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._running.discard(pid)
            self._send(ended=pid, code=os.waitstatus_to_exitcode(status))

    def _send(self, **message: int) -> None:
        with suppress(BrokenPipeError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")


def _become(request: Mapping[str, Any], descriptors: dict[str, int], launcher: int) -> None:
    """Run what was asked for in the process just forked."""
    setproctitle(f"certrail: {request['title']}")
    os.setsid()
    die_with(launcher)
    os.environ.update(request["env"])
    stdin = descriptors.pop("stdin", None)
    nothing = os.open(os.devnull, os.O_RDONLY) if stdin is None else stdin
    os.dup2(nothing, 0)
    os.close(nothing)
    options = (word for option, number in descriptors.items() for word in (option, str(number)))
    sys.argv = [request["module"], *request["arguments"], *options]
    import_module(request["module"]).main()
