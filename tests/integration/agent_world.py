"""A server whose requests are issued at once, and the agent of one host that talks to it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.enrollment.acme_world import Steps
from tests.support.web import served_application, serving

from certrail.domain.access import Role
from certrail.persistence.tables import Certificate, CertificateRequest
from certrail_agent import config
from certrail_agent.config import Config
from certrail_agent.keys import Pair, fits
from certrail_agent.lifecycle import Lifecycle
from certrail_agent.runner import lifecycle, token_of

FORKER = """
import json, os, signal, sys
from certrail_agent import checkpoints, cli
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        def hook(place):
            if place == order["kill_at"]:
                os.kill(os.getpid(), signal.SIGKILL)
        checkpoints.install(hook)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os._exit(cli.command(order["arguments"]))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
KILLED = -9


@dataclass
class AgentWorld:
    """One host, which is a folder, and the server."""

    team: Team
    url: str
    folder: Path
    certificate: dict[str, Any] = field(default_factory=dict)
    _forker: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        for name in ("state", "tls"):
            (self.folder / name).mkdir(mode=0o700)
        self.team.person("host", Role.OPERATOR, kind="machine")
        _, token = self.team.services.tokens.issue(self.team.admin, "host", name="agent")
        self.set_token(token)
        self.certificate = {"name": "www", "dns": ["a.example.com"], "directory": str(self.tls)}

    @property
    def tls(self) -> Path:
        """Where certificates go."""
        return self.folder / "tls"

    @property
    def current(self) -> Path:
        """What a service reads."""
        return self.tls / "www" / "current"

    @property
    def state_file(self) -> Path:
        """Of the certificate `www`."""
        return self.folder / "state" / "www.json"

    def set_token(self, token: str) -> None:
        """With which the agent calls."""
        file = self.folder / "state" / "token"
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(token)

    def document(self, **certificate: Any) -> dict[str, Any]:
        """The configuration, with changes of its one certificate."""
        return {
            "server": {"url": self.url},
            "application": "app",
            "profile": "web",
            "state_dir": str(self.folder / "state"),
            "certificates": [self.certificate | certificate],
        }

    def config(self, **certificate: Any) -> Config:
        """The same, read."""
        return config.parse(self.document(**certificate))

    def agent(self, **certificate: Any) -> Lifecycle:
        """A process that starts: it knows what is on the disk, and reads the test's clock."""
        read = self.config(**certificate)
        made = lifecycle(read, read.certificates[0], token_of(read))

        def clock() -> float:
            return self.team.clock.now.timestamp()

        made.work.clock = clock
        made.work.draw = lambda: 0.5
        return made

    def file(self, **certificate: Any) -> Path:
        """The configuration as a TOML file."""
        document = self.document(**certificate)
        server, wanted = document.pop("server"), document.pop("certificates")[0]
        lines = [*_assignments(document), "[server]", *_assignments(server), "[[certificates]]"]
        tables = {name: value for name, value in wanted.items() if isinstance(value, dict)}
        lines += _assignments({name: value for name, value in wanted.items() if name not in tables})
        for name, table in tables.items():
            lines += [f"[certificates.{name}]", *_assignments(table)]
        path = self.folder / "agent.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def run(self, *arguments: str, kill_at: str | None = None, **certificate: Any) -> int:
        """A command of the agent in a process of its own, which is killed at a step boundary; its exit code."""
        if self._forker is None:
            self._forker = subprocess.Popen(
                [sys.executable, "-c", FORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        order = {
            "arguments": ["--config", str(self.file(**certificate)), *arguments],
            "kill_at": kill_at,
            "log": str(self.folder / "log"),
        }
        assert self._forker.stdin
        assert self._forker.stdout
        self._forker.stdin.write(json.dumps(order) + "\n")
        self._forker.stdin.flush()
        return int(self._forker.stdout.readline())

    def log(self) -> str:
        """What those commands printed."""
        return (self.folder / "log").read_text()

    def change_state(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change what is on the disk."""
        state = json.loads(self.state_file.read_text())
        change(state)
        self.state_file.write_text(json.dumps(state))

    def pair(self) -> Pair:
        """What a service reads now; it fits."""
        # In one file or in two, whose names are in this order: certificate, chain, key.
        text = "".join(file.read_text() for file in sorted(self.current.glob("*.pem")))
        chain, begin, key = text.rpartition("-----BEGIN ")
        leaf, end, rest = chain.partition("-----END CERTIFICATE-----\n")
        pair = Pair(leaf + end, rest, begin + key)
        assert fits(pair.certificate, pair.key)
        return pair

    def requests(self) -> list[CertificateRequest]:
        """All requests, oldest first."""
        return self._rows(CertificateRequest)

    def certificates(self) -> list[Certificate]:
        """All certificates, oldest first."""
        return self._rows(Certificate)

    def close(self) -> None:
        """End the process that runs commands."""
        if self._forker is not None:
            assert self._forker.stdin
            self._forker.stdin.close()
            self._forker.wait(30)

    def _rows(self, table: Any) -> list[Any]:
        with self.team.services.context.db.read() as session:
            return list(session.exec(select(table).order_by(table.created_at)).all())


BEHIND = timedelta(minutes=5)


@contextmanager
def agent_world(team: Team, folder: Path) -> Iterator[AgentWorld]:
    """The server of a team, and a host."""
    # Processes of the agent have the machine's clock: what the server's makes due now is due there, too.
    team.clock.advance(-BEHIND)
    app = served_application()
    before = app.state.orchestrator
    app.state.orchestrator = Steps(team.services, lambda _at: None)
    try:
        with serving(team.services) as url:
            world = AgentWorld(team, url, folder)
            yield world
            world.close()
    finally:
        app.state.orchestrator = before


def _assignments(values: dict[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in values.items()]
