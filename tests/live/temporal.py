"""A Temporal server that a test starts, kills and starts again on the same port and database."""

import subprocess
from pathlib import Path

from examples.demo.installation import until
from tests.live.ports import listens

from certrail_server.ports import free_port
from certrail_workflows.binaries import temporal_binary


class TemporalServer:
    """The dev server with a database file."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.database = folder / "temporal.db"
        self._log = folder / "temporal.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [str(temporal_binary()), "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
        command += ["--port", str(self.port), "--db-filename", str(self.database), "--log-level", "error"]
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        for processor in ("transfer", "timer", "visibility"):
            command += ["--dynamic-config-value", f"history.{processor}ProcessorMaxPollRPS=2000"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: listens(self.port), "Temporal")

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop it if it runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None
