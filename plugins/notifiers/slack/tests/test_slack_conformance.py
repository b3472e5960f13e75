"""The Slack notifier keeps every rule of the contract."""

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

import pytest

from certrail_fakes.slack import SlackServer
from certrail_notifier_slack import Slack, SlackConfig
from certrail_sdk import CallbackRequest, Question
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

    @pytest.fixture
    def people(self, server: SlackServer) -> tuple[str, str]:
        first, second = (server.add_user(name, f"{name}@example.com") for name in ("ann", "bob"))
        return first.id, second.id

    @pytest.fixture
    def unverified(self, server: SlackServer) -> str:
        return server.add_user("eve", "eve@example.com", is_email_confirmed=False).id

    @pytest.fixture
    def genuine(self, server: SlackServer) -> Callable[[Question, str, str], CallbackRequest]:
        def press(question: Question, answer: str, person: str) -> CallbackRequest:
            message = server.messages[-1]
            signed = server.sign(server.press(person, message.ts, answer=answer))
            return CallbackRequest(body=signed.body, headers=signed.headers, received_at=datetime.now(UTC))

        return press

    @pytest.fixture
    def said(self, server: SlackServer) -> Callable[[], str]:
        return lambda: "\n".join(whisper.text for whisper in server.whispers)

    @pytest.fixture
    def stored(self, server: SlackServer) -> Callable[[], Mapping[str, str]]:
        return lambda: {message.ts: message.plain for message in server.messages}

    @pytest.fixture
    def unreachable(self, server: SlackServer) -> Slack:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return Slack(config(server, api_url=f"http://127.0.0.1:{port}/api/"))

    @pytest.fixture
    def busy(self, server: SlackServer) -> Slack:
        for method in ("auth.test", "chat.postMessage"):
            for _ in range(4):
                server.rate_limit(method)
        return Slack(config(server))
