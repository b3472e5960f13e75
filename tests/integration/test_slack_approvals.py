"""Approvals answered in Slack, from the button to the vote and back to the message."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from tests.integration.conftest import Team
from tests.integration.desk import Desk, connect, gone, open_channel, step
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.persistence.database import Database
from certrail_notifier_slack import Slack
from certrail_standins.slack import SlackServer

NOT_RECORDED = "Your answer was not recorded. Please try again."
ASKED = ("asker", "ann", "bob")


@pytest.fixture
def desk(team: Team) -> Iterator[Desk]:
    slack = SlackServer().start()
    connect(team, slack, "workspace")
    channel = open_channel(team, "approvals")
    with serving(team.services) as api:
        yield Desk(team, slack, api, channel)
    slack.stop()


async def test_votes_show_the_tally_and_the_decision_closes_the_message(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    message = await desk.ask(asker, step("Owners", "ann", "bob", quorum=2))
    assert "0 of 2 approvals in Owners" in message.plain
    assert "a.example.com" in message.plain
    assert (await desk.click("ann", message)).status == 200
    await desk.refresh()
    assert "1 of 2 approvals in Owners" in message.plain
    assert (await desk.click("bob", message)).status == 200
    await desk.refresh()
    assert desk.votes == [("ann", "approve"), ("bob", "approve")]
    moment = desk.team.clock.now.strftime("%Y-%m-%d %H:%M UTC")
    assert f"Approved by ann, bob at {moment}" in message.plain
    assert not answer_buttons(message.buttons)
    assert desk.team.services.issuance.advance(desk.request).status == "issued"


async def test_a_rejection_says_why_in_every_copy(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    first = await desk.ask(asker, step("Owners", "ann"), step("Security", "bob"))
    await desk.click("ann", first)
    await desk.refresh()
    second = desk.slack.messages[-1]
    assert second.ts != first.ts
    assert "the next step is being asked" in first.plain
    assert not answer_buttons(first.buttons)
    assert (await desk.reject("bob", second, "The name is wrong.")).status == 200
    await desk.refresh()
    assert desk.status == "rejected"
    for copy in (first, second):
        assert "Rejected by bob at" in copy.plain
        assert "The name is wrong." in copy.plain
        assert not answer_buttons(copy.buttons)
    assert desk.team.services.requests.get(desk.request).reason == "The name is wrong."


async def test_a_reminder_is_a_message_of_its_own(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"), reminder=timedelta(hours=1))
    before = len(desk.slack.messages)
    desk.advance(timedelta(hours=1))
    assert desk.team.services.issuance.advance(desk.request).status == "waiting"
    await desk.refresh()
    await desk.send()
    assert len(desk.slack.messages) == before + 1
    reminder = desk.slack.messages[-1]
    assert "Approval still waiting: a.example.com" in reminder.plain
    assert "0 of 1 approvals so far" in reminder.plain
    assert answer_buttons(message.buttons), "the question itself stays as it is"
    assert desk.team.services.issuance.advance(desk.request).status == "waiting"
    await desk.send()
    assert len(desk.slack.messages) == before + 1, "it is said once"


async def test_an_answer_is_given_only_after_the_vote_is_stored(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    with no_room_for_votes(desk.team.services.kernel.db):
        await desk.click("ann", message)
    assert desk.told("ann") == [NOT_RECORDED]
    assert desk.stored_votes() == 0
    await desk.click("ann", message)
    assert desk.votes == [("ann", "approve")]
    assert desk.told("ann") == [NOT_RECORDED]


async def test_without_the_database_slack_is_told_to_show_its_own_failure(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    with gone(desk.team.services.kernel.db):
        reply = await desk.click("ann", message)
    assert reply.status == 503
    assert b"nothing was recorded" in reply.body
    assert not desk.slack.whispers
    await desk.click("ann", message)
    assert desk.votes == [("ann", "approve")]


async def test_the_member_is_looked_up_once(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("One", "ann"), step("Two", "ann"))
    await desk.click("ann", message)
    await desk.refresh()
    desk.people["ann"].email = "somebody.else@example.com"
    desk.people["ann"].name = "asker"
    await desk.click("ann", desk.slack.messages[-1])
    assert desk.votes == [("ann", "approve"), ("ann", "approve")]
    assert desk.slack.count("users.info") == 1


async def test_an_address_that_slack_has_not_verified_makes_nobody_a_member(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    desk.people["ann"].is_email_confirmed = False
    await desk.click("ann", message)
    assert desk.stored_votes() == 0
    assert desk.refusals("callback.refused") == ["unknown-sender"]
    assert "not a member" in desk.told("ann")[0]


@pytest.mark.parametrize("fault", ["secret", "old", "body"])
async def test_a_forged_callback_is_refused_and_on_record(desk: Desk, fault: str) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    ann = desk.people["ann"].id
    payload = desk.slack.press(ann, message.ts, answer="Approve")
    signed = {
        "secret": desk.slack.sign(payload, signing_secret="not the secret"),
        "old": desk.slack.sign(payload, age=400),
        "body": desk.slack.sign(payload).tampered(ann.encode(), desk.people["asker"].id.encode()),
    }[fault]
    reply = await desk.slack.send(signed, desk.callback_url)
    assert reply.status == 403
    assert desk.refusals("callback.refused") == ["forged"]
    assert desk.stored_votes() == 0


async def test_forged_callbacks_do_not_swell_the_record(desk: Desk) -> None:
    forged = desk.slack.sign({"type": "block_actions"}, signing_secret="not the secret")
    for _ in range(200):
        assert (await desk.slack.send(forged, desk.callback_url)).status == 403
    assert [event.data["repeats"] for event in desk.events("callback.refused")] == [0]
    desk.advance(timedelta(minutes=1))
    for _ in range(3):
        assert (await desk.slack.send(forged, desk.callback_url)).status == 403
    assert [event.data["repeats"] for event in desk.events("callback.refused")] == [0, 199]
    other = open_channel(desk.team, "alerts")
    assert (await desk.slack.send(forged, desk.callback_at(other))).status == 403
    malformed = desk.slack.sign({"type": "block_actions"})
    assert (await desk.slack.send(malformed, desk.callback_url)).status == 400
    told = [(event.subject_id, event.data["reason"]) for event in desk.events("callback.refused")]
    assert told[2:] == [(other.id, "forged"), (desk.channel.id, "malformed")]


async def test_forged_callbacks_that_arrive_at_once_are_all_counted(desk: Desk) -> None:
    forged = desk.slack.sign({"type": "block_actions"}, signing_secret="not the secret")
    replies = await asyncio.gather(*(desk.slack.send(forged, desk.callback_url) for _ in range(12)))
    assert {reply.status for reply in replies} == {403}
    assert [event.data["repeats"] for event in desk.events("callback.refused")] == [0]
    desk.advance(timedelta(minutes=1))
    await desk.slack.send(forged, desk.callback_url)
    assert [event.data["repeats"] for event in desk.events("callback.refused")] == [0, 11]


async def test_a_body_that_cannot_be_read_is_refused_and_on_record(desk: Desk) -> None:
    reply = await desk.slack.send(desk.slack.sign({"type": "block_actions"}), desk.callback_url)
    assert reply.status == 400
    assert desk.refusals("callback.refused") == ["malformed"]


async def test_a_replay_counts_once(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann", "asker", quorum=2), allow_self_approval=True)
    signed = desk.slack.sign(desk.slack.press(desk.people["ann"].id, message.ts, answer="Approve"))
    for _ in range(2):
        await desk.slack.send(signed, desk.callback_url)
    assert desk.votes == [("ann", "approve")]
    assert desk.refusals() == ["replayed"]


async def test_the_replay_of_a_refused_answer_is_a_replay(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    desk.people["stranger"] = desk.slack.add_user("stranger", "stranger@elsewhere.example")
    message = await desk.ask(asker, step("Owners", "ann"))
    unknown = desk.slack.press(desk.people["ann"].id, message.ts, answer="Approve")
    unknown["actions"][0]["value"] = "a token that was never made"
    payloads = [
        desk.slack.press(desk.people[who].id, message.ts, answer="Approve") for who in ("asker", "stranger")
    ]
    for signed in [desk.slack.sign(payload) for payload in (*payloads, unknown)]:
        for _ in range(2):
            await desk.slack.send(signed, desk.callback_url)
    assert desk.refusals() == ["own-request", "replayed", "bad-token", "replayed"]
    assert desk.refusals("callback.refused") == ["unknown-sender", "replayed"]


async def test_who_may_not_vote_is_told_why(desk: Desk) -> None:
    asker = desk.person("asker")
    for slug in ("ann", "bob", "gone"):
        desk.person(slug)
    desk.person("auditor", Role.AUDITOR)
    desk.person("outsider", None)
    desk.people["stranger"] = desk.slack.add_user("stranger", "stranger@elsewhere.example")
    message = await desk.ask(asker, step("Owners", "asker", "ann", "gone", quorum=2))
    desk.team.services.identities.set_active(desk.team.admin, "gone", False)
    expected = {
        "asker": ("own-request", "You asked for it"),
        "bob": ("not-in-step", "not asked in the current step"),
        "gone": ("deactivated", "deactivated"),
        "auditor": ("auditor", "Auditors do not vote"),
        "outsider": ("not-found", "not a member"),
    }
    for slug, (_, said) in expected.items():
        assert (await desk.click(slug, message)).status == 200
        assert said in desk.told(slug)[0]
    await desk.click("stranger", message)
    assert "not a member" in desk.told("stranger")[0]
    assert desk.refusals() == [reason for reason, _ in expected.values()]
    assert desk.refusals("callback.refused") == ["unknown-sender"]
    assert desk.stored_votes() == 0


async def test_ones_own_request_counts_where_the_policy_allows_it(desk: Desk) -> None:
    asker = desk.person("asker")
    message = await desk.ask(asker, step("Owners", "asker"), allow_self_approval=True)
    await desk.click("asker", message)
    assert desk.votes == [("asker", "approve")]


async def test_nobody_votes_twice(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    message = await desk.ask(asker, step("Owners", "ann", "bob", quorum=2))
    await desk.click("ann", message)
    await desk.click("ann", message)
    await desk.refresh()
    await desk.click("ann", message)
    assert desk.votes == [("ann", "approve")]
    assert desk.refusals() == ["token-used", "voted-already"]


async def test_a_decided_request_takes_no_votes(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    message = await desk.ask(asker, step("Owners", "ann", "bob"))
    await desk.click("ann", message)
    await desk.click("bob", message)
    assert desk.refusals() == ["approval-closed"]
    assert "approved already" in desk.told("bob")[0]


async def test_an_expired_request_takes_no_votes(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"), request_ttl=timedelta(hours=1))
    desk.advance(timedelta(hours=1))
    await desk.click("ann", message)
    assert desk.refusals() == ["approval-closed"]
    assert "expired already" in desk.told("ann")[0]
    assert desk.team.services.issuance.advance(desk.request).status == "expired"
    await desk.refresh()
    assert "Expired at" in message.plain
    assert not answer_buttons(message.buttons)


async def test_changed_content_is_asked_anew(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    message = await desk.ask(asker, step("Owners", "ann"))
    desk.team.services.product.update_policy(desk.team.admin, "tls", {"max_ttl_seconds": 47 * 86400})
    await desk.click("ann", message)
    assert desk.refusals() == ["content-changed"]
    assert desk.stored_votes() == 0
    assert desk.team.services.issuance.advance(desk.request).status == "waiting"
    await desk.refresh()
    assert "asked anew" in message.plain
    assert not answer_buttons(message.buttons)
    await desk.click("ann", desk.slack.messages[-1])
    assert desk.status == "approved"


async def test_a_step_that_is_over_takes_no_votes(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    first = await desk.ask(asker, step("Owners", "ann", "bob"), step("Again", "ann", "bob"))
    await desk.click("ann", first)
    await desk.refresh()
    await desk.click("bob", first, rendering=0)
    assert desk.refusals() == ["other-step"]
    assert desk.votes == [("ann", "approve")]


async def test_a_button_counts_only_on_its_own_message(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    first = await desk.ask(asker, step("Owners", "ann"), step("Security", "bob"))
    await desk.click("ann", first)
    await desk.refresh()
    second = desk.slack.messages[-1]
    payload = desk.slack.press(desk.people["bob"].id, second.ts, answer="Approve")
    payload["container"]["message_ts"] = first.ts
    await desk.slack.send(desk.slack.sign(payload), desk.callback_url)
    payload["actions"][0]["value"] = "a token that was never made"
    await desk.slack.send(desk.slack.sign(payload), desk.callback_url)
    assert desk.refusals() == ["other-message", "bad-token"]
    assert desk.votes == [("ann", "approve")]


async def test_ten_people_who_click_at_once_decide_once(desk: Desk) -> None:
    asker = desk.person("asker")
    people = [f"p{number}" for number in range(10)]
    for slug in people:
        desk.person(slug)
    message = await desk.ask(asker, step("Owners", *people, quorum=3))
    replies = await asyncio.gather(*(desk.click(slug, message) for slug in people))
    assert {reply.status for reply in replies} == {200}
    assert len(desk.votes) == 3
    assert desk.refusals() == ["approval-closed"] * 7
    assert sum(len(desk.told(slug)) for slug in people) == 7
    assert desk.team.services.issuance.advance(desk.request).status == "issued"


# --- one app, many channels


async def test_a_click_may_arrive_at_another_channel_of_the_same_app(desk: Desk) -> None:
    asker, _, _ = desk.person("asker"), desk.person("ann"), desk.person("bob")
    alerts = open_channel(desk.team, "alerts")
    message = await desk.ask(asker, step("Owners", "ann", "bob", quorum=2))
    assert (await desk.click("ann", message, at=alerts)).status == 200
    assert (await desk.click("bob", message)).status == 200
    assert desk.votes == [("ann", "approve"), ("bob", "approve")]
    assert not desk.slack.whispers


async def test_a_stranger_is_on_record_where_the_question_was_asked(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    desk.people["stranger"] = desk.slack.add_user("stranger", "stranger@elsewhere.example")
    alerts = open_channel(desk.team, "alerts")
    message = await desk.ask(asker, step("Owners", "ann"))
    await desk.click("stranger", message, at=alerts)
    (refused,) = desk.events("callback.refused")
    assert (refused.data["reason"], refused.subject_id) == ("unknown-sender", desk.channel.id)


async def test_a_click_that_arrives_over_another_connection_is_refused(desk: Desk) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    connect(desk.team, desk.slack, "elsewhere")
    alerts = open_channel(desk.team, "alerts", "elsewhere")
    message = await desk.ask(asker, step("Owners", "ann"))
    await desk.click("ann", message, at=alerts)
    assert desk.stored_votes() == 0
    assert desk.refusals() == ["other-message"]
    assert "belongs to another message" in desk.told("ann")[0]


async def test_channels_whose_notifier_does_not_share_answers_take_their_own_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, _ = desk.person("asker"), desk.person("ann")
    alerts = open_channel(desk.team, "alerts")
    message = await desk.ask(asker, step("Owners", "ann"))
    monkeypatch.setattr(Slack, "shares_answers", False)
    await desk.click("ann", message, at=alerts)
    assert desk.refusals() == ["other-message"]
    await desk.click("ann", message)
    assert desk.votes == [("ann", "approve")]


def answer_buttons(buttons: list[dict[str, object]]) -> list[dict[str, object]]:
    return [button for button in buttons if button.get("value")]


@contextmanager
def no_room_for_votes(database: Database) -> Iterator[None]:
    """A database whose disk is full when the vote is written."""

    def refuse(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("INSERT INTO vote "):
            raise OSError("no space left on device")

    event.listen(database.engine, "before_cursor_execute", refuse)
    yield
    event.remove(database.engine, "before_cursor_execute", refuse)
