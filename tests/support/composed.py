"""The services of docker-compose.yml that are certrail, as processes of this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import yaml
from tests.support.postgres import PROGRAMS

from certrail_server.ports import free_port

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "certrail:local"}
KEYS = "/var/lib/certrail/keys"
PATIENCE = 120


class Composed:
    """Their commands and variables are those of the file; only addresses and folders are this machine's own.

    Attributes:
        program: what `certrail` is for commands that end.
    """

    def __init__(self, folder: Path, database: str, temporal: str) -> None:
        self._folder = folder
        self.keys = folder / "keys"
        self._own = {
            "CERTRAIL_DATABASE_URL": database,
            "CERTRAIL_TEMPORAL_ADDRESS": temporal,
            "CERTRAIL_KEYRING_FILE": str(self.keys / "keyring.json"),
            "CERTRAIL_HOST": "127.0.0.1",
            "CERTRAIL_PORT": str(free_port()),
        }
        self.url = f"http://127.0.0.1:{self._own['CERTRAIL_PORT']}"
        self.keys.mkdir()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.program = [sys.executable, "-m", "certrail_server"]

    def run(self, service: str, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command to its end in the surroundings of a service: what it may only read stays as it is.

        Args:
            given: on standard input.
        """
        kept = self._folder / "kept"
        shutil.copytree(self.keys, kept)
        words, env = [*self.program, *command], self._env(service)
        ended = subprocess.run(words, env=env, input=given, capture_output=True, check=False)
        printed, said = (text.decode("utf-8", "surrogateescape") for text in (ended.stdout, ended.stderr))
        done = subprocess.CompletedProcess(words, ended.returncode, printed, said)
        changed = {path.name: path.read_bytes() for path in self.keys.iterdir()} != {
            path.name: path.read_bytes() for path in kept.iterdir()
        }
        if changed and f"keys:{KEYS}:ro" in SERVICES[service]["volumes"]:
            shutil.rmtree(self.keys)
            kept.rename(self.keys)
            return subprocess.CompletedProcess(words, 1, "", f"{KEYS}: Read-only file system\n")
        shutil.rmtree(kept)
        return done

    def start(self, service: str) -> None:
        """Start a service; what it kept of its own went with the process before it."""
        shutil.rmtree(self._data(service), ignore_errors=True)
        with (self._folder / f"{service}.log").open("ab") as log:
            self._running[service] = subprocess.Popen(
                [sys.executable, "-m", "certrail_server", *SERVICES[service]["command"]],
                env=self._env(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, *services: str) -> None:
        """Stop those that run, or all."""
        ending = [
            self._running.pop(name) for name in services or tuple(self._running) if name in self._running
        ]
        for process in ending:
            process.terminate()
        for process in ending:
            process.wait(PATIENCE)

    def runs(self, service: str) -> bool:
        """Whether it was started and has not ended."""
        return service in self._running and self._running[service].poll() is None

    def is_healthy(self, service: str) -> bool:
        """What its health check would find."""
        if service != "server":
            reported = self._data(service) / "worker.json"
            return self.runs(service) and reported.exists() and reported.stat().st_size > 0
        try:
            return httpx2.get(f"{self.url}/readyz", trust_env=False, timeout=60).is_success
        except httpx2.TransportError:
            return False

    def _data(self, service: str) -> Path:
        return self._folder / service

    def _env(self, service: str) -> dict[str, str]:
        self._data(service).mkdir(exist_ok=True)
        reported = SERVICES[service]["environment"]
        # The image has PostgreSQL's client programs.
        path = f"{PROGRAMS}:{os.environ['PATH']}"
        mine = {**self._own, "CERTRAIL_DATA_DIR": str(self._data(service)), "CERTRAIL_PUBLIC_URL": self.url}
        return {
            **os.environ,
            "PATH": path,
            **{name: mine.get(name, value) for name, value in reported.items()},
        }
