"""Answers over Socket Mode: one connection for each app, whatever the number of its channels."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.integration.conftest import Team
from tests.integration.desk import Desk, connect, credentials, gone, open_channel, step
from tests.support.web import serving

from certrail_server.api.listeners import Listeners
from certrail_standins.arrivals import Arrivals
from certrail_standins.slack import SlackServer


@pytest.fixture
def desk(team: Team) -> Iterator[Desk]:
    slack = SlackServer().start()
    connect(team, slack, "workspace", socket_mode=True)
    yield Desk(team, slack, "", open_channel(team, "approvals"))
    slack.stop()


@pytest.fixture
async def listeners(desk: Desk) -> AsyncIterator[Listeners]:
    """Looks when the test says so."""
    listeners = Listeners(desk.team.services.chat)
    yield listeners
    await listeners.stop()


async def test_one_connection_hears_the_clicks_of_all_channels_of_an_app(
    desk: Desk, listeners: Listeners
) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    open_channel(desk.team, "alerts")
    await listeners.look()
    await desk.slack.wait_connected()
    await desk.ask(
        asker, step("Owners", "ann", channels=("approvals",)), step("Security", "ann", channels=("alerts",))
    )
    for count, channel in enumerate(("approvals", "alerts"), start=1):
        message = desk.slack.messages[-1]
        assert message.channel == desk.slack.channel(channel).id
        await press(desk, "ann", message.ts)
        await desk.slack.wait_acks(count)
        await desk.refresh()
    assert desk.votes == [("ann", "approve"), ("ann", "approve")]
    assert not desk.slack.whispers
    await listeners.look()
    assert len(desk.team.services.chat.listeners()) == 1
    assert desk.slack.count("apps.connections.open") == 1


async def test_the_api_listens_by_itself(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    with serving(desk.team.services):
        await desk.slack.wait_connected()
        envelope = await press(desk, "ann", message.ts)
        (ack,) = await desk.slack.wait_acks()
    assert ack.envelope_id == envelope
    assert desk.votes == [("ann", "approve")]


async def test_without_the_database_the_person_is_told_to_try_again(desk: Desk, listeners: Listeners) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    await listeners.look()
    await desk.slack.wait_connected()
    with gone(desk.team.services.kernel.db):
        await press(desk, "ann", message.ts)
        await desk.slack.wait_acks(1)
    assert desk.told("ann") == ["Your answer was not recorded. Please try again."]
    await press(desk, "ann", message.ts)
    await desk.slack.wait_acks(2)
    assert desk.votes == [("ann", "approve")]


async def test_channels_of_two_connections_have_a_listener_each(desk: Desk) -> None:
    connect(desk.team, desk.slack, "elsewhere", socket_mode=True)
    connect(desk.team, desk.slack, "by-callback")
    for slug, connection in (("alerts", "elsewhere"), ("random", "by-callback")):
        open_channel(desk.team, slug, connection)
    heard = desk.team.services.chat.listeners()
    assert sorted(channel.slug for channel in heard.values()) == ["alerts", "approvals"]


async def test_changed_credentials_are_used_at_the_next_look(desk: Desk, listeners: Listeners) -> None:
    await listeners.look()
    await desk.slack.wait_connected(1)
    (before,) = desk.team.services.chat.listeners()
    desk.slack.state.app_token = "xapp-rotated"
    desk.team.services.connections.update(desk.team.admin, "workspace", credentials(desk.slack, True))
    await listeners.look()
    await desk.slack.wait_connected(2)
    (after,) = desk.team.services.chat.listeners()
    assert before != after
    assert "xapp" not in before + after


async def test_a_listener_outlives_the_channel_that_it_was_opened_for(
    desk: Desk, listeners: Listeners
) -> None:
    open_channel(desk.team, "alerts")
    (first,) = desk.team.services.chat.listeners().values()
    await listeners.look()
    await desk.slack.wait_connected(1)
    desk.team.services.channels.delete(desk.team.admin, desk.team.application, first.slug)
    (second,) = desk.team.services.chat.listeners().values()
    assert second.id != first.id
    await listeners.look()
    await desk.slack.wait_connected(2)


async def test_what_cannot_be_read_is_refused_and_on_record(
    desk: Desk, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: Arrivals[dict[str, object]] = Arrivals()
    monkeypatch.setattr(desk.team.services.kernel.plugins, "broadcast", recorded.add)
    await listeners.look()
    await desk.slack.wait_connected()
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    before = len(recorded.all())
    foreign = desk.slack.press(desk.people["ann"].id, message.ts, answer="Approve")
    foreign["response_url"] = "https://evil.example/actions/x"
    for count, payload in enumerate((foreign, {"type": "block_actions"}), start=before + 1):
        desk.slack.sockets.deliver(payload)
        await recorded.wait_for(count, 60)
    assert desk.refusals("callback.refused") == ["forged", "malformed"]
    assert {event.subject_id for event in desk.events("callback.refused")} == {desk.channel.id}
    assert desk.stored_votes() == 0


async def press(desk: Desk, slug: str, ts: str) -> str:
    """Press Approve; returns the envelope id."""
    return await desk.slack.click_over_socket(desk.people[slug].id, ts, answer="Approve")
