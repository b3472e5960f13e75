"""The service with its watchdog, the run for a timer with its exit codes, and what is shown."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.agent_world import AgentWorld

from certrail.services.approvals.policies import Step
from certrail_agent.notify import notify

UNITS = Path(__file__).parents[1] / "systemd"


@dataclass
class Manager:
    """systemd's end of the notifications."""

    channel: socket.socket
    process: subprocess.Popen[bytes]

    def read_until(self, line: str) -> list[str]:
        """Everything that was sent until a line came."""
        found: list[str] = []
        while line not in found:
            found += self.channel.recv(4096).decode().splitlines()
        return found


@contextmanager
def service(world: AgentWorld, **certificate: object) -> Iterator[Manager]:
    """The agent as systemd starts it."""
    # Not below pytest's folder: its name is too long for a socket.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"{folder}/notify")
        channel.settimeout(60)
        process = subprocess.Popen(
            [sys.executable, "-m", "certrail_agent", "--config", str(world.file(**certificate)), "run"],
            env={**os.environ, "NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "1000000"},
        )
        try:
            yield Manager(channel, process)
        finally:
            process.kill()
            process.wait(30)


def test_the_service_says_when_it_is_ready_alive_and_stopping(world: AgentWorld) -> None:
    with service(world) as manager:
        assert "READY=1" in manager.read_until("READY=1")
        manager.read_until("STATUS=1 current")
        manager.read_until("WATCHDOG=1")
        first = world.pair().fingerprint
        assert world.run("run", "--once") == 1, "one process at a time"
        assert "another certrail-agent uses" in world.log()
        (row,) = world.certificates()
        world.team.services.revocation.revoke(world.team.admin, row.id)
        manager.process.send_signal(signal.SIGHUP)
        while world.pair().fingerprint == first:
            manager.read_until("WATCHDOG=1")
        manager.process.terminate()
        manager.read_until("STOPPING=1")
        assert manager.process.wait(30) == 0
    assert len(world.requests()) == 2


def test_the_service_takes_a_certificate_as_soon_as_it_is_approved(world: AgentWorld) -> None:
    boss = world.team.person("boss")
    world.team.guard(Step(name="Boss", approvers=("boss",)))
    with service(world) as manager:
        manager.read_until("STATUS=1 waiting")
        (request,) = world.requests()
        approval = world.team.services.approvals.of_subject(request.id)
        assert approval
        world.team.services.approvals.vote(boss, approval.id, "approve")
        manager.read_until("STATUS=1 current")
    assert world.pair().fingerprint == world.certificates()[0].fingerprint


def test_nothing_is_sent_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    notify("READY=1")
    name = f"certrail-agent-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"\0{name}")
        channel.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1", "STATUS=there")
        assert channel.recv(100) == b"READY=1\nSTATUS=there"


def test_exit_codes_say_what_a_timer_does_next(world: AgentWorld) -> None:
    world.team.person("boss")
    world.team.guard(Step(name="Boss", approvers=("boss",)))
    assert world.run("run", "--once", "--wait", "1s") == 75
    assert "waits for approval" in world.log()
    there, world.url = world.url, "http://127.0.0.1:1"
    assert world.run("run", "--once") == 75
    assert world.run("check") == 1
    world.url = there
    assert world.run("check") == 0
    assert world.run("check", directory=str(world.folder / "none"), reload={"command": ["nothing-here"]}) == 1
    assert "is no folder. Make it." in world.log()
    assert "the command nothing-here is not on this host" in world.log()
    assert world.run("run", "--once", dns=["a.example.org"]) == 1


def test_the_status_has_no_secret_and_all_that_happened(
    world: AgentWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run("run", "--once") == 0, world.log()
    there, world.url = world.url, "http://127.0.0.1:1"
    world.change_state(lambda state: state.update(checked_at=0.0))
    assert world.run("run", "--once") == 75
    world.url = there
    log = len(world.log())
    assert world.run("status", "--json") == 0
    (shown,) = json.loads(world.log()[log:])
    assert shown["fingerprint"] == world.pair().fingerprint
    assert shown["failure"]["stage"] == "server"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["renew_at"])
    assert world.run("status") == 0
    assert "in use" in world.log()[log:]
    assert "KEY" not in world.log()
    assert "crt_" not in world.log()


def test_a_state_that_cannot_be_read_is_said_to_be(world: AgentWorld) -> None:
    assert world.run("run", "--once") == 0, world.log()
    before = world.pair()
    world.state_file.write_text("{")
    assert world.run("run", "--once") == 1
    assert "Move it away: the agent then requests a new certificate." in world.log()
    assert world.pair() == before


def test_a_token_that_others_may_read_is_refused(world: AgentWorld) -> None:
    (world.folder / "state" / "token").chmod(0o644)
    assert world.run("run", "--once") == 1
    assert "may be read by others" in world.log()


@pytest.mark.parametrize("name", ["certrail-agent.service", "certrail-agent-once.service"])
def test_the_units_start_what_there_is(world: AgentWorld, name: str) -> None:
    unit = ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / name)
    program, *words = unit["Service"]["ExecStart"].split()
    assert program.endswith("/bin/certrail-agent")
    assert words[:3] == ["--config", "/etc/certrail-agent.toml", "run"]
    once = words[3:] == ["--once"]
    assert unit["Service"]["Type"] == ("oneshot" if once else "notify")
    assert unit["Service"].get("SuccessExitStatus") == ("75" if once else None)
