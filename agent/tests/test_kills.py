"""kill -9 at each step boundary: nothing is requested twice, and key and certificate are never mixed."""

from datetime import timedelta

import pytest
from tests.integration.agent_world import KILLED, AgentWorld

PLACES = (
    "key-written",
    "attempt-stored",
    "request-sent",
    "request-stored",
    "certificate-stored",
    "written:fullchain.pem",
    "written:privkey.pem",
    "version-written",
    "link-switched",
    "reloaded",
    "proven",
    "deployed",
    "finished",
)


def make_due(world: AgentWorld) -> None:
    def change(state: dict[str, dict[str, float]]) -> None:
        state["held"]["renew_at"] = 1.0

    world.change_state(change)
    world.team.clock.advance(timedelta(seconds=1))


@pytest.mark.crash
@pytest.mark.parametrize("place", PLACES)
def test_a_killed_agent_goes_on_where_it_was(world: AgentWorld, place: str) -> None:
    log = world.folder / "reloads"
    reload = {"command": ["sh", "-c", f"echo reloaded >> {log}"]}
    assert world.run("run", "--once", kill_at=place, reload=reload) == KILLED
    if world.current.exists():
        world.pair()
    assert world.run("run", "--once", reload=reload) == 0, world.log()
    first = world.pair()
    assert first.fingerprint == world.certificates()[0].fingerprint
    assert len(world.requests()) == 1

    make_due(world)
    assert world.run("run", "--once", kill_at=place, reload=reload) == KILLED
    assert world.pair().fingerprint in {row.fingerprint for row in world.certificates()}
    assert world.run("run", "--once", reload=reload) == 0, world.log()
    assert world.pair().fingerprint == world.certificates()[1].fingerprint
    assert world.pair().key != first.key
    assert len(world.requests()) == 2
    assert len(list((world.tls / "www").iterdir())) == 3, "the mark, the link and one version"
    assert not list((world.folder / "state").glob("*.key"))
    assert 2 <= len(log.read_text().splitlines()) <= 4


@pytest.mark.crash
def test_a_killed_restoration_is_finished(world: AgentWorld) -> None:
    """The reload refuses the new certificate; the agent dies after the link went back."""
    assert world.run("run", "--once") == 0, world.log()
    first, good = world.pair(), world.folder / "good.pem"
    good.write_text((world.current / "fullchain.pem").read_text())
    make_due(world)
    picky = {"command": ["cmp", "-s", str(world.current / "fullchain.pem"), str(good)]}
    assert world.run("run", "--once", kill_at="link-restored", reload=picky) == KILLED
    assert world.pair() == first
    assert world.run("run", "--once", reload=picky) == 1
    assert world.pair() == first
    assert "The former certificate was restored and works" in world.log()
    assert world.run("run", "--once") == 0
    assert len(world.requests()) == 2
