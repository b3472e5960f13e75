"""Clicks that come over Socket Mode."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from certrail_fakes.slack import Fault, SlackServer, User
from certrail_notifier_slack.blocks import COMMENT_BLOCK
from certrail_sdk import Interaction, Outcome, Unauthorized

from .workspace import LOST, RECORDED, REFUSED, YES, question, slack


async def test_a_click_over_socket_mode_is_acknowledged_after_the_answer(
    server: SlackServer, ann: User, listening: Callable[[Any], Any]
) -> None:
    taken: asyncio.Queue[Interaction] = asyncio.Queue()
    durable = asyncio.Event()

    async def answer(interaction: Interaction) -> Outcome:
        taken.put_nowait(interaction)
        await durable.wait()
        return RECORDED

    sent = await slack(server).ask(question())
    await listening(answer)
    envelope = await server.click_over_socket(ann.id, server.messages[0].ts, answer="approve")
    interaction = await asyncio.wait_for(taken.get(), 5)
    assert interaction.token.get_secret_value() == YES
    assert (interaction.message, interaction.replay_key) == (sent.reference, envelope)
    # A second round trip over the same connection: an early acknowledgement would have arrived by now.
    await server.click_over_socket(ann.id, server.messages[0].ts, answer="approve")
    await asyncio.wait_for(taken.get(), 5)
    assert not server.sockets.acks.all()
    durable.set()
    assert envelope in [ack.envelope_id for ack in await server.wait_acks(2)]


async def test_a_rejection_over_socket_mode(
    server: SlackServer, ann: User, listening: Callable[[Any], Any]
) -> None:
    outcomes, comments = [REFUSED, RECORDED], []

    async def answer(interaction: Interaction) -> Outcome:
        comments.append(interaction.comment)
        return outcomes.pop(0)

    await slack(server).ask(question())
    await listening(answer)
    await server.click_over_socket(ann.id, server.messages[0].ts, answer="reject")
    await server.wait_acks(1)
    view = server.people.view_of(ann.id)
    for count in (2, 3):
        await server.submit_over_socket(ann.id, view.id, "too broad")
        server.settle_view(view.id, (await server.wait_acks(count))[-1].payload)
    assert comments == ["too broad", "too broad"]
    assert view.errors == {COMMENT_BLOCK: REFUSED.message}
    assert not view.open


async def test_what_could_not_be_reported_is_not_acknowledged(
    server: SlackServer, ann: User, listening: Callable[[Any], Any]
) -> None:
    outcomes = [LOST, RECORDED]

    async def answer(interaction: Interaction) -> Outcome:
        return outcomes.pop(0)

    await slack(server).ask(question())
    await listening(answer)
    server.script("response_url", Fault(status=500))
    calls = len(server.calls)
    await server.click_over_socket(ann.id, server.messages[0].ts, answer="approve")
    await server.state.calls.wait_for(calls + 1, 5)
    reported = await server.click_over_socket(ann.id, server.messages[0].ts, answer="approve")
    assert [ack.envelope_id for ack in await server.wait_acks(1)] == [reported]


async def test_listening_with_a_refused_app_token_is_an_error(server: SlackServer) -> None:
    async def answer(interaction: Interaction) -> Outcome:
        return RECORDED

    with pytest.raises(Unauthorized):
        await asyncio.wait_for(slack(server, app_token="xapp-wrong").listen(answer), 5)  # type: ignore[arg-type]
