"""Answers over Socket Mode: one connection for each app, whatever the number of its channels."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.integration.conftest import Team
from tests.integration.slack_world import SlackWorld, connect, credentials, gone, open_channel, step

from certrail_fakes.arrivals import Arrivals
from certrail_fakes.slack import SlackServer
from certrail_sdk import Outcome
from certrail_server.workers.listeners import Listeners
from certrail_workflows.activities.calls import Calls

SLACK = "notifier-slack"


@pytest.fixture
def slack_world(team: Team) -> Iterator[SlackWorld]:
    slack = SlackServer().start()
    connect(team, slack, "workspace", socket_mode=True)
    yield SlackWorld(team, slack, "", open_channel(team, "approvals"))
    slack.stop()


@pytest.fixture
async def listeners(slack_world: SlackWorld) -> AsyncIterator[Listeners]:
    """Looks when the test says so."""
    services = slack_world.team.services
    listeners = Listeners(services.chat, services.context.plugins, services.plugin_faults, Calls())
    listeners.serve({SLACK})
    yield listeners
    listeners.stop()


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
    assert len(slack_world.team.services.chat.listeners({SLACK})) == 1
    assert slack_world.slack.count("apps.connections.open") == 1


async def test_it_listens_by_itself_as_long_as_the_plugin_is_served_here(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    running = asyncio.create_task(listeners.run())
    await slack_world.slack.wait_connected(1)
    envelope = await press(slack_world, "ann", message.ts)
    (ack,) = await slack_world.slack.wait_acks()
    assert ack.envelope_id == envelope
    assert slack_world.votes == [("ann", "approve")]
    listeners.serve(())  # quarantined: another process listens
    await slack_world.slack.sockets.closed.wait_for(1, 60)
    running.cancel()


def test_no_code_is_called_of_plugins_that_are_not_served_here(slack_world: SlackWorld) -> None:
    opened: list[str] = []

    @contextmanager
    def opening(key: str) -> Iterator[None]:
        opened.append(key)
        yield

    chat = slack_world.team.services.chat
    assert not chat.listeners({"notifier-email"}, opening)
    assert not opened
    open_channel(slack_world.team, "alerts")
    assert len(chat.listeners({SLACK}, opening)) == 1
    assert opened == [SLACK]  # once for all channels of a connection


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
    received = slack_world.team.services.chat.listeners({SLACK})
    assert sorted(channel.slug for channel in received.values()) == ["alerts", "approvals"]


async def test_changed_credentials_are_used_at_the_next_look(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    await listeners.look()
    await slack_world.slack.wait_connected(1)
    (before,) = slack_world.team.services.chat.listeners({SLACK})
    slack_world.slack.state.app_token = "xapp-rotated"
    slack_world.team.services.connections.update(
        slack_world.team.admin, "workspace", credentials(slack_world.slack, True)
    )
    await listeners.look()
    await slack_world.slack.wait_connected(2)
    (after,) = slack_world.team.services.chat.listeners({SLACK})
    assert before != after
    assert "xapp" not in before + after


async def test_a_listener_outlives_the_channel_that_it_was_opened_for(
    slack_world: SlackWorld, listeners: Listeners
) -> None:
    open_channel(slack_world.team, "alerts")
    (first,) = slack_world.team.services.chat.listeners({SLACK}).values()
    await listeners.look()
    await slack_world.slack.wait_connected(1)
    slack_world.team.services.channels.delete(
        slack_world.team.admin, slack_world.team.application, first.slug
    )
    (second,) = slack_world.team.services.chat.listeners({SLACK}).values()
    assert second.id != first.id
    await listeners.look()
    await slack_world.slack.wait_connected(2)


async def test_what_cannot_be_read_is_refused_and_on_record(
    slack_world: SlackWorld, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: Arrivals[Outcome] = Arrivals()
    record = slack_world.team.services.chat.received

    async def noted(*given: Any) -> Outcome:
        outcome = await record(*given)
        received.add(outcome)
        return outcome

    monkeypatch.setattr(slack_world.team.services.chat, "received", noted)
    await listeners.look()
    await slack_world.slack.wait_connected()
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    foreign = slack_world.slack.press(slack_world.people["ann"].id, message.ts, answer="Approve")
    foreign["response_url"] = "https://evil.example/actions/x"
    for count, payload in enumerate((foreign, {"type": "block_actions"}), start=1):
        slack_world.slack.sockets.deliver(payload)
        await received.wait_for(count, 60)
    assert slack_world.refusals("callback.refused") == ["forged", "malformed"]
    assert {event.subject_id for event in slack_world.events("callback.refused")} == {slack_world.channel.id}
    assert slack_world.stored_votes() == 0


async def press(slack_world: SlackWorld, slug: str, ts: str) -> str:
    """Press Approve; returns the envelope id."""
    return await slack_world.slack.click_over_socket(slack_world.people[slug].id, ts, answer="Approve")
