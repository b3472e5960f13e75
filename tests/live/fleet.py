"""Servers and workers that a test starts and stops one by one."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from examples.demo.installation import until
from tests.live.ports import listens

from certrail_server.ports import free_port


@dataclass
class Fleet:
    """Processes on one database and one Temporal, of one version or of two.

    Attributes:
        following: the environment in which the processes of the next version run.
        upstreams: the servers that a balancer would use now.
    """

    folder: Path
    environment: Mapping[str, str]
    following: Mapping[str, str] = field(default_factory=dict)
    upstreams: list[str] = field(default_factory=list)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *words: str, following: bool = False) -> str:
        """A command of one of the versions."""
        done = subprocess.run(
            [sys.executable, "-m", "certrail_server", *words],
            env=self._env("command", following),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start_server(self, name: str, *, following: bool = False) -> str:
        """A server that the balancer uses once it is ready; returns its address."""
        port = free_port()
        self._start(name, "server", following, CERTRAIL_PORT=str(port))
        until(lambda: listens(port), name)
        url = f"http://127.0.0.1:{port}"
        assert httpx2.get(f"{url}/readyz", trust_env=False, timeout=60).status_code == 200
        with self.lock:
            self.upstreams.append(url)
        return url

    def start_worker(self, name: str, *, following: bool = False) -> None:
        self._start(name, "worker", following)
        until((self.folder / name / "worker.json").exists, name)

    def stop(self, name: str, url: str | None = None) -> None:
        """Out of the balancer first, then an orderly end."""
        if url is not None:
            with self.lock:
                self.upstreams.remove(url)
        process = self.processes.pop(name)
        process.terminate()
        # uvicorn ends by the signal that it got, once everything is answered.
        assert process.wait(60) in (0, -signal.SIGTERM), self.log(name)

    def kill(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(60)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str, command: str, following: bool, **more: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "certrail_server", command],
                env={**self._env(name, following), **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _env(self, name: str, following: bool) -> dict[str, str]:
        data = self.folder / name
        data.mkdir(mode=0o700, exist_ok=True)
        return {
            **os.environ,
            **self.environment,
            **(self.following if following else {}),
            "CERTRAIL_DATA_DIR": str(data),
        }
