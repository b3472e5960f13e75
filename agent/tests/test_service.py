"""Reloads, signals and looks at a service, and what becomes of a certificate that it does not take."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.agent_world import AgentWorld

from certrail_agent import service
from certrail_agent.api import Api
from certrail_agent.config import Health, Reload
from certrail_agent.errors import Refused


@dataclass
class TlsService:
    """Shows the certificate that it loaded last.

    Attributes:
        follows: whether it loads what is at `current` for each handshake, as if it were reloaded.
    """

    current: Path
    follows: bool = True
    port: int = 0
    contexts: list[ssl.SSLContext] = field(default_factory=list)

    def load(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.current / "fullchain.pem", self.current / "privkey.pem")
        self.contexts.append(context)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError):
                if self.follows:
                    self.load()
                connection.settimeout(5)
                self.contexts[-1].wrap_socket(connection, server_side=True).close()


@pytest.fixture
def tls(world: AgentWorld) -> Iterator[TlsService]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = TlsService(world.current, port=listener.getsockname()[1])
        thread = threading.Thread(target=found.serve, args=(listener,), daemon=True)
        thread.start()
        yield found
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def settled(world: AgentWorld, **certificate: object) -> tuple[str, str]:
    agent = world.agent(**certificate)
    outcome = agent.advance()
    while outcome.status == "waiting":
        outcome = agent.advance(wait=20)
    return outcome.status, outcome.message


def test_what_is_served_is_compared(world: AgentWorld, tls: TlsService) -> None:
    health = {"port": tls.port, "grace": "1s"}
    assert settled(world, health=health)[0] == "current"
    served = world.agent().work.state.served
    assert served
    assert (served.verdict, served.fingerprint) == ("served", world.pair().fingerprint)


def test_a_service_that_goes_on_with_the_former_certificate_is_noticed(
    world: AgentWorld, tls: TlsService
) -> None:
    """Its reload says that all is well, and nothing changes."""
    health = {"port": tls.port, "grace": "1s"}
    settled(world, health=health)
    first, tls.follows = world.pair(), False
    world.team.clock.advance(timedelta(days=40))
    status, message = settled(world, health=health, reload={"command": ["true"]})
    assert status == "failed"
    assert "still serves the former certificate. The former certificate was restored and works." in message
    assert world.pair() == first
    tls.follows = True
    assert settled(world, health=health)[0] == "current"
    assert world.pair() != first
    assert len(world.requests()) == 2


def reported(world: AgentWorld) -> list[dict[str, object]]:
    """The events of what was reported to the server."""
    events = world.team.services.audit_log.events(None, limit=1000)
    return [{"type": row.type, **row.data} for row in events if row.type.startswith("probe.")]


def test_the_server_learns_what_is_served(world: AgentWorld, tls: TlsService) -> None:
    """Also where the former one was restored: it is in use, and another one belongs there."""
    health = {"port": tls.port, "grace": "1s", "server_name": "a.example.com"}
    settled(world, health=health)
    probes, here = world.team.services.probes, world.team.application
    (shown,) = probes.list(here)
    assert (shown.row.verdict, shown.row.found) == ("served", world.pair().fingerprint)
    assert (shown.reporter, shown.sync, shown.row.server_name) == ("host", None, "a.example.com")
    tls.follows = False
    world.team.clock.advance(timedelta(days=40))
    for _ in range(2):
        assert settled(world, health=health, reload={"command": ["true"]})[0] == "failed"
    (shown,) = probes.list(here)
    assert (shown.row.verdict, shown.row.found) == ("older", world.pair().fingerprint)
    tls.follows = True
    settled(world, health=health)
    assert sorted(str(event["type"]) for event in reported(world)) == [
        "probe.not_served",
        "probe.served",
        "probe.served",
    ]
    world.team.clock.advance(timedelta(days=1))
    settled(world, health=health)
    (shown,) = probes.list(here)
    assert shown.row.checked_at == world.team.clock.now


def test_a_server_that_takes_no_report_stops_nothing(
    world: AgentWorld, tls: TlsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_given: object) -> None:
        raise Refused(404, "not-found", "There is no such route.")

    monkeypatch.setattr(Api, "report_served", refused)
    assert settled(world, health={"port": tls.port, "grace": "1s"})[0] == "current"
    assert world.team.services.probes.list(world.team.application) == []


def test_without_an_earlier_certificate_the_link_is_taken_away(world: AgentWorld) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, message = settled(world, health={"port": port, "grace": "1s"})
    assert status == "failed"
    assert "answers no TLS handshake. There was no earlier certificate" in message
    assert not world.current.exists()


def test_another_certificate_is_named(world: AgentWorld, tls: TlsService) -> None:
    settled(world)
    tls.load()
    verdict, found = service.look(Health("127.0.0.1", tls.port, "localhost"), "00", None)
    assert (verdict, found) == ("other", world.pair().fingerprint)


def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {started}; wait"
    began = time.monotonic()
    problem = service.reload(Reload(command=("sh", "-c", script), timeout=1.0))
    assert problem == "sh took more than 1s"
    assert time.monotonic() - began < 20
    state = Path(f"/proc/{started.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_what_a_command_says_is_in_the_message() -> None:
    assert service.reload(Reload(command=("sh", "-c", "echo no such file >&2; exit 3"))) == (
        "sh ended with 3: no such file"
    )
    assert "cannot be run" in service.reload(Reload(command=("/nowhere/reload",)))


def test_arguments_are_never_read_by_a_shell(tmp_path: Path) -> None:
    name = "a; touch pwned $(id) 'quoted'"
    assert service.reload(Reload(command=("touch", str(tmp_path / name)))) == ""
    assert (tmp_path / name).exists()


def test_a_signal_reaches_the_process_of_the_pid_file(tmp_path: Path) -> None:
    script = "import signal; signal.signal(signal.SIGUSR1, lambda *_: exit(7)); print('ready', flush=True)"
    process = subprocess.Popen([sys.executable, "-c", f"{script}; signal.pause()"], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    file = tmp_path / "service.pid"
    file.write_text(f"{process.pid}\n")
    assert service.reload(Reload(pid_file=file, signal="USR1")) == ""
    assert process.wait(20) == 7
    assert "cannot be signalled" in service.reload(Reload(pid_file=file, signal="USR1"))


@pytest.mark.parametrize("content", ["", "nginx", "0", "1", "-1"])
def test_a_pid_file_without_a_process_id_signals_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "service.pid"
    file.write_text(content)
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
    try:
        assert "holds no process id" in service.reload(Reload(pid_file=file, signal="USR1"))
        assert not received
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert os.getpid() > 1
