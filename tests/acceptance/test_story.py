"""The story of `make demo`, through HTTP only: a worker dies in flight, and everything is there once."""

from pathlib import Path

from examples.demo.installation import Installation
from examples.demo.story import Story
from examples.demo.team import assemble
from examples.demo.world import World


def test_a_certificate_survives_a_killed_worker(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "certrail")
    folder = tmp_path / "delivered"
    try:
        with World() as world:
            installation.start()
            team = assemble(installation, world, folder)
            world.acm.hold("after")
            story = Story(installation, world, team, folder)
            story.ask()
            story.vote_by_api()
            story.vote_in_slack()
            story.wait_until_issued()
            story.kill_in_flight()
            story.wait_until_delivered()
            story.wait_until_told()
            facts = [fact.what for fact in story.facts()]
    finally:
        installation.stop()
    assert facts == ["request", "votes", "certificate", "delivery", "delivery", "delivery", "mail"]
    log = installation.log.read_text()
    for secret in (*team.tokens.values(), world.acm.secret_access_key, world.vault.client_secret):
        assert secret not in log
        for database in installation.data_dir.glob("*.db*"):
            assert secret.encode() not in database.read_bytes()
