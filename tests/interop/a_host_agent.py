"""The agent on a host with nginx: a renewed certificate is served by itself, a bad reload restores the last good one.

`make interop` runs this.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent_world import AgentWorld, agent_world
from tests.integration.conftest import Fresh, installed
from tests.integration.conftest import plugins as plugins
from tests.integration.conftest import sqlite as sqlite
from tests.interop.debian import program, running, until

from certrail.domain.renewal import Advice
from certrail.plugins.registry import PluginRegistry
from certrail_agent.config import Health
from certrail_agent.service import shown_certificate
from certrail_server.ports import free_port

NAME = "a.example.com"
LONGEST_SECONDS = 10.0
"""From the issue of a certificate until nginx serves it."""


class Nginx:
    """nginx with one server, whose certificate is at `current`."""

    def __init__(self, world: AgentWorld) -> None:
        self.port, self.folder = free_port(), world.folder / "nginx"
        self.folder.mkdir()
        self.command = (
            program("nginx", "nginx"),
            "-p",
            str(self.folder),
            "-c",
            str(self.folder / "nginx.conf"),
        )
        self.pid_file = self.folder / "nginx.pid"
        self.configure(world.current)

    def configure(self, current: Path, more: str = "") -> None:
        paths = "".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"pid {self.pid_file}; error_log {self.folder}/error.log; daemon off; worker_processes 1;"
            f"events {{}} http {{ access_log off; {paths} server {{ listen 127.0.0.1:{self.port} ssl;"
            f"server_name {NAME}; ssl_certificate {current}/fullchain.pem;"
            f"ssl_certificate_key {current}/privkey.pem; {more} }} }}"
        )

    def shown(self) -> str | None:
        try:
            return shown_certificate(Health("127.0.0.1", self.port, NAME))
        except OSError:
            return None

    def certificate(self, **reload: Any) -> dict[str, Any]:
        """What the agent's file says of it."""
        health = {"port": self.port, "server_name": NAME, "grace": "8s"}
        return {"health": health, "reload": reload or {"pid_file": str(self.pid_file)}}

    def is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def world(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[AgentWorld]:
    with agent_world(installed(sqlite, plugins), tmp_path) as world:
        yield world
    sqlite.database.close()


@contextmanager
def served(world: AgentWorld) -> Iterator[Nginx]:
    """nginx with the first certificate, as a person sets it up: requested once, then started."""
    nginx = Nginx(world)
    assert world.run("run", "--once") == 0, world.log()
    with running(*nginx.command, log=world.folder / "nginx.log"):
        until(nginx.is_up, "nginx")
        yield nginx


def advise(world: AgentWorld) -> None:
    """The authority wants what it issued so far replaced now."""
    team = world.team
    team.clock.advance(timedelta(seconds=1))
    begins, ends = team.clock.now - timedelta(minutes=10), team.clock.now - timedelta(minutes=9)
    team.services.renewal_advice.advise(team.admin, "root", Advice(begins=begins, ends=ends))
    team.clock.advance(timedelta(seconds=1))


@contextmanager
def agent(world: AgentWorld, **certificate: object) -> Iterator[subprocess.Popen[bytes]]:
    """The service, which looks at the advice every second."""
    file = world.file(**certificate)
    file.write_text(f'check_every = "1s"\n{file.read_text()}')
    words = (sys.executable, "-m", "certrail_agent", "--config", str(file), "run")
    with running(*words, log=world.folder / "log") as process:
        yield process


def test_nginx_serves_the_renewed_certificate_by_itself(world: AgentWorld) -> None:
    with served(world) as nginx, agent(world, **nginx.certificate()):
        first = world.pair().fingerprint
        until(lambda: nginx.shown() == first, "the first certificate")
        advise(world)
        until(lambda: len(world.certificates()) == 2, "the renewed certificate")
        issued = time.monotonic()
        renewed = world.certificates()[1].fingerprint
        until(lambda: nginx.shown() == renewed, "nginx to serve it")
        took = time.monotonic() - issued
        print(f"nginx served the renewed certificate {took:.1f} s after its issue")
        assert took < LONGEST_SECONDS
        until(lambda: '"verdict": "served"' in world.state_file.read_text(), "the verdict")
    assert len(world.requests()) == 2


def test_a_killed_agent_leaves_nginx_with_one_pair_and_goes_on(world: AgentWorld) -> None:
    with served(world) as nginx:
        for place in ("written:privkey.pem", "link-switched"):
            advise(world)
            world.change_state(lambda state: state.update(checked_at=0.0))
            assert world.run("run", "--once", kill_at=place, **nginx.certificate()) == -9
            world.pair()
            subprocess.run([*nginx.command, "-t"], check=True, capture_output=True)
            assert world.run("run", "--once", **nginx.certificate()) == 0, world.log()
            assert nginx.shown() == world.pair().fingerprint == world.certificates()[-1].fingerprint
    assert len(world.requests()) == 3


def test_a_bad_reload_restores_the_last_good_certificate(world: AgentWorld) -> None:
    """The configuration is broken by hand: nginx refuses to reload, and goes on with what it has."""
    with served(world) as nginx:
        first = world.pair()
        nginx.configure(world.current, more="nonsense;")
        advise(world)
        world.change_state(lambda state: state.update(checked_at=0.0))
        command = {"command": [*nginx.command, "-s", "reload"]}
        assert world.run("run", "--once", **nginx.certificate(**command)) == 1
        assert 'unknown directive "nonsense"' in world.log()
        assert "The former certificate was restored" in world.log()
        assert world.pair() == first
        assert nginx.shown() == first.fingerprint
        nginx.configure(world.current)
        assert world.run("run", "--once", **nginx.certificate(**command)) == 0, world.log()
        assert nginx.shown() == world.certificates()[1].fingerprint
    assert len(world.requests()) == 2
    assert os.readlink(world.current).startswith(world.pair().fingerprint[:16])
