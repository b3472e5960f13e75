"""Answers over Socket Mode: one connection for each app, whatever the number of its channels."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.integration.conftest import Team
from tests.integration.slack_world import SlackWorld, connect, credentials, gone, open_channel, step
from tests.support.web import serving

from certrail_fakes.arrivals import Arrivals
from certrail_fakes.slack import SlackServer
from certrail_server.api.listeners import Listeners


@pytest.fixture
def slack_world(team: Team) -> Iterator[SlackWorld]:
    slack = SlackServer().start()
    connect(team, slack, "workspace", socket_mode=True)
    yield SlackWorld(team, slack, "", open_channel(team, "approvals"))
    slack.stop()


@pytest.fixture
async def listeners(slack_world: SlackWorld) -> AsyncIterator[Listeners]:
    """Looks when the test says so."""
    listeners = Listeners(slack_world.team.services.chat)
    yield listeners
    await listeners.stop()


async def test_one_connection_hears_the_clicks_of_all_channels_of_an_app(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    open_channel(slack_world.team, "alerts")
    await listeners.look()
    await slack_world.slack.wait_connected()
    await slack_world.ask(
        asker, step("Owners", "ann", channels=("approvals",)), step("Security", "ann", channels=("alerts",))
    )
    for count, channel in enumerate(("approvals", "alerts"), start=1):
        message = slack_world.slack.messages[-1]
        assert message.channel == slack_world.slack.channel(channel).id
        await press(slack_world, "ann", message.ts)
        await slack_world.slack.wait_acks(count)
        await slack_world.refresh()
    assert slack_world.votes == [("ann", "approve"), ("ann", "approve")]
    assert not slack_world.slack.whispers
    await listeners.look()
    assert len(slack_world.team.services.chat.listeners()) == 1
    assert slack_world.slack.count("apps.connections.open") == 1


async def test_the_api_listens_by_itself(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    with serving(slack_world.team.services):
        await slack_world.slack.wait_connected()
        envelope = await press(slack_world, "ann", message.ts)
        (ack,) = await slack_world.slack.wait_acks()
    assert ack.envelope_id == envelope
    assert slack_world.votes == [("ann", "approve")]


async def test_without_the_database_the_person_is_answered_to_try_again(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    await listeners.look()
    await slack_world.slack.wait_connected()
    with gone(slack_world.team.services.context.db):
        await press(slack_world, "ann", message.ts)
        await slack_world.slack.wait_acks(1)
    assert slack_world.reported("ann") == ["Your answer was not recorded. Please try again."]
    await press(slack_world, "ann", message.ts)
    await slack_world.slack.wait_acks(2)
    assert slack_world.votes == [("ann", "approve")]


async def test_channels_of_two_connections_have_a_listener_each(slack_world: SlackWorld) -> None:
    connect(slack_world.team, slack_world.slack, "elsewhere", socket_mode=True)
    connect(slack_world.team, slack_world.slack, "by-callback")
    for slug, connection in (("alerts", "elsewhere"), ("random", "by-callback")):
        open_channel(slack_world.team, slug, connection)
    received = slack_world.team.services.chat.listeners()
    assert sorted(channel.slug for channel in received.values()) == ["alerts", "approvals"]


async def test_changed_credentials_are_used_at_the_next_look(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    await listeners.look()
    await slack_world.slack.wait_connected(1)
    (before,) = slack_world.team.services.chat.listeners()
    slack_world.slack.state.app_token = "xapp-rotated"
    slack_world.team.services.connections.update(
        slack_world.team.admin, "workspace", credentials(slack_world.slack, True)
    )
    await listeners.look()
    await slack_world.slack.wait_connected(2)
    (after,) = slack_world.team.services.chat.listeners()
    assert before != after
    assert "xapp" not in before + after


async def test_a_listener_outlives_the_channel_that_it_was_opened_for(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    open_channel(slack_world.team, "alerts")
    (first,) = slack_world.team.services.chat.listeners().values()
    await listeners.look()
    await slack_world.slack.wait_connected(1)
    slack_world.team.services.channels.delete(
        slack_world.team.admin, slack_world.team.application, first.slug
    )
    (second,) = slack_world.team.services.chat.listeners().values()
    assert second.id != first.id
    await listeners.look()
    await slack_world.slack.wait_connected(2)


async def test_what_cannot_be_read_is_refused_and_on_record(
    slack_world: SlackWorld, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: Arrivals[dict[str, object]] = Arrivals()
    monkeypatch.setattr(slack_world.team.services.context.plugins, "broadcast", recorded.add)
    await listeners.look()
    await slack_world.slack.wait_connected()
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    before = len(recorded.all())
    foreign = slack_world.slack.press(slack_world.people["ann"].id, message.ts, answer="Approve")
    foreign["response_url"] = "https://evil.example/actions/x"
    for count, payload in enumerate((foreign, {"type": "block_actions"}), start=before + 1):
        slack_world.slack.sockets.deliver(payload)
        await recorded.wait_for(count, 60)
    assert slack_world.refusals("callback.refused") == ["forged", "malformed"]
    assert {event.subject_id for event in slack_world.events("callback.refused")} == {slack_world.channel.id}
    assert slack_world.stored_votes() == 0


async def press(slack_world: SlackWorld, slug: str, ts: str) -> str:
    """Press Approve; returns the envelope id."""
    return await slack_world.slack.click_over_socket(slack_world.people[slug].id, ts, answer="Approve")
