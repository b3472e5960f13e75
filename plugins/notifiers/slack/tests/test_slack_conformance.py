"""The Slack notifier keeps every rule of the contract."""

from collections.abc import AsyncIterator, Callable

import pytest

from certrail_fakes.slack import SlackServer
from certrail_notifier_slack import Slack, SlackConfig
from certrail_sdk.testing import InteractiveConformance


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


def config(server: SlackServer, **changes: object) -> SlackConfig:
    values: dict[str, object] = {
        "bot_token": server.token,
        "signing_secret": server.signing_secret,
        "app_token": server.app_token,
        "api_url": server.url,
        "response_hosts": [server.host],
        "channel": "#approvals",
    }
    return SlackConfig.parse(values | changes)


class TestSlack(InteractiveConformance):
    @pytest.fixture
    def build(self, server: SlackServer) -> Callable[[], Slack]:
        return lambda: Slack(config(server))

    @pytest.fixture
    def broken(self, server: SlackServer) -> Slack:
        return Slack(config(server, bot_token="xoxb-not-this-one"))

    @pytest.fixture
    def answers_at(self, server: SlackServer) -> Callable[[str], int]:
        def count(reference: str) -> int:
            message = next(each for each in server.messages if each.ts == reference.rpartition(":")[2])
            return sum("value" in button for button in message.buttons)

        return count
