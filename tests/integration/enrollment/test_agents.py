"""Agents of hosts: a one-time token becomes a principal that may request its own names, and nothing else."""

import hashlib
import io
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from docs.generate import routes
from sqlmodel import select
from tests.integration.agent_world import KILLED, AgentWorld, agent_world
from tests.integration.conftest import Fresh, Team, installed

from certrail.domain.access import Role
from certrail.domain.errors import BadInput, Conflict, NotFound, Unauthenticated
from certrail.persistence.tables import AccessToken, EventRow, Principal
from certrail.plugins.registry import PluginRegistry
from certrail.services.approvals.policies import Step
from certrail_agent import cli

HASH = hashlib.sha256(b"secret").hexdigest()
REQUESTS = "applications/app/certificate-requests"


@pytest.fixture
def world(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[AgentWorld]:
    with agent_world(installed(sqlite, plugins), tmp_path) as world:
        (tmp_path / "state" / "token").unlink()
        yield world
    sqlite.database.close()


def created(team: Team, *names: str, name: str = "web-1", **options: timedelta) -> str:
    """A one-time token."""
    return team.services.agents.create(
        team.admin, team.application, "web", name=name, names=names or ["a.example.com"], **options
    )[1]


def enroll(world: AgentWorld, token: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    return cli.command(["--config", str(world.file()), "enroll"])


def called(world: AgentWorld) -> httpx2.Client:
    """As the agent."""
    token = (world.folder / "state" / "token").read_text()
    return httpx2.Client(
        base_url=world.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )


@pytest.mark.parametrize("managed", [False, True])
def test_a_host_is_enrolled_and_gets_its_certificate(
    world: AgentWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], managed: bool
) -> None:
    assert enroll(world, created(world.team, "a.example.com", "192.0.2.7"), monkeypatch) == 0
    assert "web-1 may request 192.0.2.7, a.example.com by web in app." in capsys.readouterr().out
    assert (world.folder / "state" / "token").stat().st_mode & 0o777 == 0o600
    assert world.run("check", managed_key=managed) == 0, world.log()
    assert world.run("run", "--once", managed_key=managed) == 0, world.log()
    assert world.pair().fingerprint == world.certificates()[0].fingerprint
    with world.team.services.context.db.read() as session:
        owner = session.get_one(Principal, world.requests()[0].requester_id)
    assert (owner.kind, owner.name, owner.product_role) == ("agent", "agent web-1", None)
    (agent,) = world.team.services.agents.list(world.team.application, "web")
    assert (agent.principal_id, agent.expires_at) == (owner.id, None)


@pytest.mark.parametrize(
    ("bypass", "status"),
    [pytest.param(False, 75, marks=pytest.mark.endurance), (True, 0)],  # 75 comes after a minute
)
def test_an_agent_is_bypassed_as_an_enrollment_client_and_not_as_a_machine(
    world: AgentWorld, monkeypatch: pytest.MonkeyPatch, bypass: bool, status: int
) -> None:
    world.team.person("ada")
    world.team.guard(
        Step("One", ("ada",)), bypass_machine_identities=not bypass, bypass_enrollment_clients=bypass
    )
    assert enroll(world, created(world.team), monkeypatch) == 0
    assert world.run("run", "--once") == status, world.log()


def test_an_agent_may_call_nothing_else(world: AgentWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every route is closed to it but those that say otherwise, and those are for its own objects only."""
    assert enroll(world, created(world.team), monkeypatch) == 0
    foreign, _ = world.team.ask(world.team.admin, "b.example.com")
    world.team.services.issuance.advance(foreign)
    objects = {
        "application": "app",
        "profile": "web",
        "request_id": foreign,
        "certificate_id": world.team.services.requests.get(foreign).certificate_id,
    }
    open_to_it, found = set(), 0
    with called(world) as client:
        for route in (each for each in routes() if each.permission):
            path = re.sub(r"\{(\w+)\}", lambda m: str(objects.get(m[1], "not-there")), route.path)
            status = client.request(route.method, path).status_code
            found += 1
            if status not in (403, 404):
                open_to_it.add((route.method, route.path))
    assert found > 150
    assert open_to_it == {
        ("GET", "/api/v1/me"),
        ("POST", "/api/v1/applications/{application}/certificate-requests"),
        ("POST", "/api/v1/certificate-requests"),
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        (REQUESTS, {"sans": {"dns": ["b.example.com"]}}, 403, "outside-agent"),
        (REQUESTS, {"sans": {"dns": ["a.example.com"], "email": ["a@example.com"]}}, 403, "outside-agent"),
        (REQUESTS, {"subject": {"common_name": "b.example.com"}}, 403, "outside-agent"),
        (REQUESTS, {"profile": "other", "sans": {"dns": ["a.example.com"]}}, 403, "outside-agent"),
        ("certificate-requests", {"sans": {"dns": ["a.example.com"]}}, 404, "not-found"),
        ("applications/next/certificate-requests", {"sans": {"dns": ["a.example.com"]}}, 404, "not-found"),
        ("applications/none/certificate-requests", {"sans": {"dns": ["a.example.com"]}}, 404, "not-found"),
        (REQUESTS, {"sans": {"dns": ["A.example.com"]}}, 202, ""),
    ],
)
def test_it_requests_its_own_names_only(
    world: AgentWorld,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, object],
    status: int,
    kind: str,
) -> None:
    services, admin = world.team.services, world.team.admin
    services.catalog.create_profile(
        admin, slug="other", name="Other", ca="root", policy="tls", ttl=timedelta(days=47)
    )
    services.applications.attach_profile(admin, world.team.application, "other")
    services.applications.create(admin, slug="next", name="Next", profiles=["web"])
    assert enroll(world, created(world.team), monkeypatch) == 0
    with called(world) as client:
        answer = client.post(f"/api/v1/{path}", json={"profile": "web", **body})
    assert answer.status_code == status, answer.text
    assert not kind or answer.json()["type"].endswith(f":{kind}")


def test_a_one_time_token_is_used_once(team: Team) -> None:
    agents, text = team.services.agents, created(team)
    first = agents.enroll(text, HASH)
    assert agents.enroll(text, HASH) == first, "an answer that was lost"
    with pytest.raises(Unauthenticated):
        agents.enroll(text, hashlib.sha256(b"another host").hexdigest())
    with team.services.context.db.read() as session:
        (token,) = session.exec(select(AccessToken).where(AccessToken.name == "web-1")).all()
    assert token.secret_hash == HASH
    assert not token.may_vote
    actor = team.services.tokens.authenticate(f"{first.token}secret")
    assert (actor.kind, actor.confinement and actor.confinement.names) == (
        "agent",
        frozenset({"a.example.com"}),
    )


def test_two_hosts_with_one_token_are_not_both_enrolled(team: Team) -> None:
    text, barrier = created(team), threading.Barrier(2)

    def enroll_with(secret: bytes) -> bool:
        barrier.wait(30)
        try:
            team.services.agents.enroll(text, hashlib.sha256(secret).hexdigest())
        except Unauthenticated:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(enroll_with, (b"one", b"two"))) == [False, True]


def test_a_token_that_is_unknown_expired_or_deleted_is_refused(team: Team) -> None:
    agents = team.services.agents
    expiring, deleted = created(team), created(team, name="web-2")
    agents.delete(team.admin, team.application, "web", "web-2")
    team.clock.advance(timedelta(hours=1))
    for text in ("cra_unknown", "", expiring, deleted):
        with pytest.raises(Unauthenticated):
            agents.enroll(text, HASH)


def test_a_deleted_agent_is_refused_at_once(team: Team) -> None:
    agents = team.services.agents
    text = f"{agents.enroll(created(team), HASH).token}secret"
    agents.delete(team.admin, team.application, "web", "web-1")
    with pytest.raises(Unauthenticated):
        team.services.tokens.authenticate(text)
    assert created(team), "the name is free again"
    with pytest.raises(NotFound):
        agents.delete(team.admin, team.application, "web", "web-3")


def test_an_agent_of_a_detached_profile_may_do_nothing(team: Team) -> None:
    text = f"{team.services.agents.enroll(created(team), HASH).token}secret"
    team.services.applications.detach_profile(team.admin, team.application, "web")
    with pytest.raises(Unauthenticated):
        team.services.tokens.authenticate(text)


def test_what_is_wrong_with_a_new_agent_is_said(team: Team) -> None:
    created(team)
    with pytest.raises(Conflict, match="There is an agent 'web-1' already"):
        created(team)
    with pytest.raises(BadInput, match="a week at most"):
        created(team, name="web-2", lifetime=timedelta(days=8))


def test_an_agent_is_no_member(team: Team) -> None:
    services = team.services
    services.agents.enroll(created(team), HASH)
    (agent,) = services.agents.list(team.application, "web")
    assert agent.principal_id
    services.principals.create(team.admin, kind="group", slug="ops", name="Ops")
    with pytest.raises(BadInput):
        services.applications.set_member(team.admin, team.application, agent.principal_id, Role.ADMIN)
    with pytest.raises(BadInput):
        services.principals.set_group_member(team.admin, "ops", agent.principal_id, True)
    with pytest.raises(BadInput):
        services.principals.update(team.admin, agent.principal_id, product_role="admin")
    with pytest.raises(BadInput):
        services.tokens.issue(team.admin, agent.principal_id, name="wider")


def test_every_step_is_on_record_and_no_token_is(team: Team) -> None:
    text = created(team)
    team.services.agents.enroll(text, HASH)
    team.services.agents.delete(team.admin, team.application, "web", "web-1")
    with team.services.context.db.read() as session:
        rows = session.exec(select(EventRow)).all()
    assert sorted(row.type for row in rows if row.type.startswith("agent.")) == [
        "agent.created",
        "agent.deleted",
        "agent.enrolled",
    ]
    assert text not in str([row.data for row in rows])


@pytest.mark.crash
@pytest.mark.parametrize("place", ["secret-stored", "token-used", "token-stored"])
def test_a_killed_enrollment_is_finished_with_the_same_token(world: AgentWorld, place: str) -> None:
    file = world.folder / "one-time"
    file.write_text(created(world.team))
    words = ("enroll", "--token-file", str(file))
    assert world.run(*words, kill_at=place) == KILLED
    if place == "token-stored":
        assert world.run(*words) == 1
        assert "this host has the token" in world.log()
    else:
        assert world.run(*words) == 0, world.log()
    assert world.run("run", "--once") == 0, world.log()
    assert len(world.certificates()) == 1
