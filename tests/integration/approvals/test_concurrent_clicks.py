"""Callbacks of Slack that arrive at once."""

import asyncio
from datetime import timedelta

from tests.integration.slack_world import SlackWorld, step


async def test_forged_callbacks_that_arrive_at_once_are_all_counted(slack_world: SlackWorld) -> None:
    forged = slack_world.slack.sign({"type": "block_actions"}, signing_secret="not the secret")
    replies = await asyncio.gather(
        *(slack_world.slack.send(forged, slack_world.callback_url) for _ in range(12))
    )
    assert {reply.status for reply in replies} == {403}
    assert [event.data["repeats"] for event in slack_world.events("callback.refused")] == [0]
    slack_world.advance(timedelta(minutes=1))
    await slack_world.slack.send(forged, slack_world.callback_url)
    assert [event.data["repeats"] for event in slack_world.events("callback.refused")] == [0, 11]


async def test_ten_people_who_click_at_once_decide_once(slack_world: SlackWorld) -> None:
    asker = slack_world.person("asker")
    people = [f"p{number}" for number in range(10)]
    for slug in people:
        slack_world.person(slug)
    message = await slack_world.ask(asker, step("Owners", *people, quorum=3))
    replies = await asyncio.gather(*(slack_world.click(slug, message) for slug in people))
    assert {reply.status for reply in replies} == {200}
    assert len(slack_world.votes) == 3
    assert slack_world.refusals() == ["approval-closed"] * 7
    assert sum(len(slack_world.reported(slug)) for slug in people) == 7
    assert slack_world.team.services.issuance.advance(slack_world.request).status == "issued"
