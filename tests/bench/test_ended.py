"""A benchmark that is ended from outside leaves nothing behind."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from examples.demo.installation import until

SECONDS = 60.0


def test_its_postgresql_server_ends_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "ceiling", "--quick", "--database", "PostgreSQL"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=log, stderr=log
        )

    def server() -> int | None:
        with suppress(OSError, ValueError, StopIteration):
            return int(next(tmp_path.glob("*/postgresql/postmaster.pid")).read_text().splitlines()[0])
        return None

    try:
        pid = until(server, "PostgreSQL", SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    finally:
        process.kill()
    until(lambda: not _runs(pid), "the end of PostgreSQL", SECONDS)
    assert list(tmp_path.glob("certrail-bench-*")) == []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
