"""A team that is asked in Slack."""

from collections.abc import Iterator

import pytest
from tests.integration.conftest import Team
from tests.integration.slack_world import SlackWorld, connect, open_channel
from tests.support.web import serving

from certrail_fakes.slack import SlackServer


@pytest.fixture
def slack_world(team: Team) -> Iterator[SlackWorld]:
    slack = SlackServer().start()
    connect(team, slack, "workspace")
    channel = open_channel(team, "approvals")
    with serving(team.services) as api:
        yield SlackWorld(team, slack, api, channel)
    slack.stop()
