"""One certrail installation on this machine: `certrail dev` as a process tree, and its API."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from certrail_server.ports import free_port

PATIENCE = 240.0
LOOK = 0.3


class Refused(Exception):
    """The API refused a call; the text is the problem document's."""


class Api:
    """A caller of the HTTP API."""

    def __init__(self, base: str, token: str) -> None:
        self._client = httpx2.Client(
            base_url=f"{base}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=70,
            trust_env=False,
        )

    def get(self, path: str, **params: Any) -> Any:
        """GET; raises Refused."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST; raises Refused."""
        return self._call("POST", path, json=body or {}, headers=headers)

    def put(self, path: str, body: Any) -> Any:
        """PUT; raises Refused."""
        return self._call("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH; raises Refused."""
        return self._call("PATCH", path, json=body)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE; raises Refused."""
        return self._call("DELETE", path, params=params)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        # What may be sent twice is sent until it is answered: a server may be starting again.
        repeatable = method != "POST" or "Idempotency-Key" in arguments.get("headers", {})
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.request(method, path, **arguments)
                break
            except httpx2.TransportError:
                if not repeatable or time.monotonic() > deadline:
                    raise
                time.sleep(LOOK)
        if answer.is_error:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


class Installation:
    """Start it, kill parts of it, stop it. State lives in one folder."""

    def __init__(self, data_dir: Path, **env: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {
            **os.environ,
            "CERTRAIL_DATA_DIR": str(data_dir),
            "CERTRAIL_PORT": str(self.port),
            "CERTRAIL_PUBLIC_URL": self.url,
            "CERTRAIL_LOG_FORMAT": "text",
            **env,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where all processes log."""
        return self.data_dir / "certrail.log"

    @property
    def supervisor(self) -> int:
        """The process id of the supervisor, which is the parent of all others."""
        assert self._process is not None
        return self._process.pid

    def start(self, look: float = LOOK) -> None:
        """Start the tree and wait until its worker works, looking every so many seconds."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "certrail_server", "dev"],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_for_start(look)

    def _wait_for_start(self, look: float) -> None:
        process = self._process
        assert process is not None

        def ready() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"certrail dev ended; its log:\n{self.tail()}")
            return self.pid("worker") is not None and self.worker_is_ready()

        until(ready, "certrail to start", look=look)

    def run(self, *arguments: str) -> str:
        """Run a certrail command in this installation; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "certrail_server", *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"certrail {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout.strip()

    def pid(self, child: str) -> int | None:
        """The process id of a child, if it runs."""
        try:
            state = json.loads((self.data_dir / "dev.json").read_text())
        except (OSError, ValueError):
            return None
        return int(state["children"][child]) if child in state["children"] else None

    def worker_is_ready(self) -> bool:
        """Whether the present worker polls its queues."""
        try:
            return bool(json.loads((self.data_dir / "worker.json").read_text())["pid"] == self.pid("worker"))
        except (OSError, ValueError, KeyError):
            return False

    def kill(self, child: str) -> int:
        """SIGKILL a child, which the supervisor starts again; returns the pid that died."""
        pid = self.pid(child)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_everything(self) -> None:
        """SIGKILL the supervisor: its children die with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop in order."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill_everything()
        self._process = None

    def tail(self, lines: int = 30) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE, look: float = LOOK) -> Any:
    """Wait for another process; returns the first true value."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        time.sleep(look)
    return value
