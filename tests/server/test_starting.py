"""Processes that start: what is in their way is told in one line, and only a child of ours counts as ready."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.command_line import run

from certrail.services.core.orchestrator import OrchestratorUnavailable
from certrail_server import embedded
from certrail_server.bootstrap import App
from certrail_server.ports import CannotListen, free_port, listening
from certrail_server.processes.supervisor import Child, Supervisor
from certrail_server.settings import Settings
from certrail_server.workers import process


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which another program listens, as the one to be used."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("CERTRAIL_PORT", str(port))
        yield port


@pytest.mark.parametrize("command", ["dev", "server"])
def test_a_port_in_use_is_reported_before_anything_starts(command: str, taken: int, tmp_path: Path) -> None:
    result = run(command)
    assert result.exit_code == 1
    assert result.stderr == f"error: port {taken} is in use by another program; set CERTRAIL_PORT\n"
    assert not (tmp_path / "temporal.db").exists()
    assert not (tmp_path / "dev.json").exists()


def test_a_host_that_is_not_ours_is_reported() -> None:
    with pytest.raises(CannotListen, match=r"nothing can listen on 192\.0\.2\.1, port 8080"):
        listening(8080, "192.0.2.1")


def test_a_port_is_listened_on_by_name_and_by_both_kinds_of_address() -> None:
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        port = free_port()
        with listening(port, host), socket.create_connection(("127.0.0.1", port)):
            pass


def test_only_the_mark_of_the_present_child_counts(tmp_path: Path) -> None:
    async def ready() -> None: ...

    child, mark = Child("server", (), ready, pid=41), tmp_path / "server.json"
    assert not embedded._marked(mark, child)
    mark.write_text(json.dumps({"pid": 40}))
    assert not embedded._marked(mark, child)
    mark.write_text(json.dumps({"pid": 41}))
    assert embedded._marked(mark, child)


def test_a_temporal_that_cannot_be_run_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CERTRAIL_PORT", str(free_port()))
    monkeypatch.setenv("CERTRAIL_TEMPORAL_BINARY", "/nope")
    result = run("dev")
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert "/nope is no program that can be run" in line
    assert "CERTRAIL_TEMPORAL_BINARY" in line


async def test_what_a_child_prints_goes_to_its_own_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "child.log"

    async def said() -> None:
        while not file.exists() or "\n" not in file.read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # another process writes it

    command = (sys.executable, "-c", "import signal; print('hello', flush=True); signal.pause()")
    supervisor = Supervisor([Child("child", command, said, log_file=file)], tmp_path / "state.json")
    await asyncio.wait_for(supervisor.run(supervisor.stop), 60)
    assert file.read_text() == "hello\n"
    assert "hello" not in "".join(capfd.readouterr())


class Absent:
    """Where nobody answers as Temporal."""

    def __init__(self, stop: asyncio.Event, tries: int) -> None:
        self.stop, self.left = stop, tries

    async def prepare(self, retention: timedelta | None = None) -> None:
        self.left -= 1
        if not self.left:
            self.stop.set()
        raise OrchestratorUnavailable("Nobody answers.")


async def test_a_worker_without_temporal_says_so_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "CONNECT_PAUSE", 0.0)
    stop = asyncio.Event()
    absent = Absent(stop, tries=50)
    with caplog.at_level(logging.WARNING):
        assert not await process._connected(App(Settings(), None, absent), stop)  # type: ignore[arg-type]
    assert absent.left == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Nobody answers. Trying every second; reported once a minute."
    ]


def test_nothing_is_printed_where_nobody_looks(tmp_path: Path) -> None:
    probed = os.environ["CERTRAIL_PLUGIN_PROBE_FILE"]
    env = {"CERTRAIL_DATA_DIR": str(tmp_path), "CERTRAIL_PLUGIN_PROBE_FILE": probed, "PATH": ""}
    for command in (("migrate",), ("audit", "verify")):
        done = subprocess.run(
            [sys.executable, "-m", "certrail_server", *command], env=env, capture_output=True, check=True
        )
    assert done.stderr == b""
