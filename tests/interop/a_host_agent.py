"""The agent on a host: a service shows the renewed certificate by itself, a bad reload restores the last good one.

`make interop` runs this.
"""

import os
import shutil
import subprocess
import sys
import tempfile
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
from tests.interop.debian import running, until
from tests.interop.services import LONGEST_SECONDS, NAME, SERVICES, Service

from certrail.domain.renewal import Advice
from certrail.plugins.registry import PluginRegistry


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that accounts of services may enter, which those of pytest are not."""
    found = Path(tempfile.mkdtemp(prefix="certrail-host-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture
def world(sqlite: Fresh, plugins: PluginRegistry, folder: Path) -> Iterator[AgentWorld]:
    with agent_world(installed(sqlite, plugins), folder) as world:
        world.tls.chmod(0o755)
        yield world
    sqlite.database.close()


def service(world: AgentWorld, name: str) -> Service:
    own = world.folder / name
    own.mkdir()
    return SERVICES[name](own, world.current)


def certificate(service: Service, **changes: Any) -> dict[str, Any]:
    """What the agent's file says of it."""
    health = {"port": service.port, "server_name": NAME, "grace": "8s", "protocol": service.protocol}
    return files(service) | {"health": health, "reload": {"command": service.reload}} | changes


def files(service: Service) -> dict[str, Any]:
    return {"format": service.format} | ({"owner": service.owner} if service.owner else {})


@contextmanager
def served(world: AgentWorld, service: Service) -> Iterator[None]:
    """The service with the first certificate, as a person sets it up: requested once, then started."""
    assert world.run("run", "--once", **files(service)) == 0, world.log()
    with service.running():
        yield


def advise(world: AgentWorld) -> None:
    """The authority wants what it issued so far replaced now."""
    team = world.team
    team.clock.advance(timedelta(seconds=1))
    begins, ends = team.clock.now - timedelta(minutes=10), team.clock.now - timedelta(minutes=9)
    team.services.renewal_advice.advise(team.admin, "root", Advice(begins=begins, ends=ends))
    team.clock.advance(timedelta(seconds=1))


def due(world: AgentWorld) -> None:
    """As advised, and the agent has not looked for a while."""
    advise(world)
    world.change_state(lambda state: state.update(checked_at=0.0))


@contextmanager
def agent(world: AgentWorld, **certificate: object) -> Iterator[subprocess.Popen[bytes]]:
    """The agent as a service, which looks at the advice every second."""
    file = world.file(**certificate)
    file.write_text(f'check_every = "1s"\n{file.read_text()}')
    words = (sys.executable, "-m", "certrail_agent", "--config", str(file), "run")
    with running(*words, log=world.folder / "log") as process:
        yield process


def newest(world: AgentWorld) -> str:
    return world.certificates()[-1].fingerprint


@pytest.mark.parametrize("name", SERVICES)
def test_the_renewed_certificate_is_shown_by_itself(world: AgentWorld, name: str) -> None:
    web = service(world, name)
    with served(world, web), agent(world, **certificate(web)):
        until(lambda: web.shown() == newest(world), "the first certificate")
        advise(world)
        until(lambda: len(world.certificates()) == 2, "the renewed certificate")
        issued = time.monotonic()
        until(lambda: web.shown() == newest(world), f"{name} to show it")
        took = time.monotonic() - issued
        print(f"{name} showed the renewed certificate {took:.1f} s after its issue")
        assert took < LONGEST_SECONDS
        until(lambda: '"verdict": "served"' in world.state_file.read_text(), "the verdict")
    assert len(world.requests()) == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_agent_leaves_the_service_with_one_pair_and_goes_on(world: AgentWorld, name: str) -> None:
    web = service(world, name)
    with served(world, web):
        for place in (
            "written:combined.pem" if web.format == "combined" else "written:privkey.pem",
            "link-switched",
        ):
            due(world)
            assert world.run("run", "--once", kill_at=place, **certificate(web)) == -9
            world.pair()
            subprocess.run(web.reload, check=True, capture_output=True)
            assert world.run("run", "--once", **certificate(web)) == 0, world.log()
            until(lambda: web.shown() == world.pair().fingerprint == newest(world), "the renewed certificate")
    assert len(world.requests()) == 3


@pytest.mark.parametrize("name", SERVICES)
def test_a_bad_reload_restores_the_last_good_certificate(world: AgentWorld, name: str) -> None:
    """The configuration is broken by hand: the service does not reload, and goes on with what it has."""
    web = service(world, name)
    with served(world, web):
        first = world.pair()
        web.spoil()
        due(world)
        assert world.run("run", "--once", **certificate(web)) == 1
        assert "The former certificate was restored" in world.log()
        assert world.pair() == first
        assert web.shown() == first.fingerprint
        web.mend()
        assert world.run("run", "--once", **certificate(web)) == 0, world.log()
        # Processes of before the reload may answer for a moment.
        until(lambda: web.shown() == newest(world) != first.fingerprint, "the renewed certificate")
    assert len(world.requests()) == 2
    assert os.readlink(world.current).startswith(world.pair().fingerprint[:16])


def test_a_service_is_reloaded_by_a_signal(world: AgentWorld) -> None:
    web = service(world, "nginx")
    with served(world, web):
        due(world)
        reload = {"pid_file": str(web.folder / "nginx.pid")}
        assert world.run("run", "--once", **certificate(web, reload=reload)) == 0, world.log()
        until(lambda: web.shown() == newest(world), "the renewed certificate")
