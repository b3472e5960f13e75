"""Approvals answered in Slack, from the button to the vote and back to the message."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from tests.integration.slack_world import SlackWorld, connect, gone, open_channel, step

from certrail.domain.access import Role
from certrail.persistence.database import Database
from certrail_notifier_slack import Slack

pytestmark = pytest.mark.any_database

NOT_RECORDED = "Your answer was not recorded. Please try again."
ASKED = ("asker", "ann", "bob")


async def test_votes_show_the_tally_and_the_decision_closes_the_message(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    message = await slack_world.ask(asker, step("Owners", "ann", "bob", quorum=2))
    assert "0 of 2 approvals in Owners" in message.plain
    assert "a.example.com" in message.plain
    assert (await slack_world.click("ann", message)).status == 200
    await slack_world.refresh()
    assert "1 of 2 approvals in Owners" in message.plain
    assert (await slack_world.click("bob", message)).status == 200
    await slack_world.refresh()
    assert slack_world.votes == [("ann", "approve"), ("bob", "approve")]
    instant = slack_world.team.clock.now.strftime("%Y-%m-%d %H:%M UTC")
    assert f"Approved by ann, bob at {instant}" in message.plain
    assert not answer_buttons(message.buttons)
    assert slack_world.team.services.issuance.advance(slack_world.request).status == "issued"


async def test_a_rejection_says_why_in_every_copy(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    first = await slack_world.ask(asker, step("Owners", "ann"), step("Security", "bob"))
    await slack_world.click("ann", first)
    await slack_world.refresh()
    second = slack_world.slack.messages[-1]
    assert second.ts != first.ts
    assert "the next step waits for votes" in first.plain
    assert not answer_buttons(first.buttons)
    assert (await slack_world.reject("bob", second, "The name is wrong.")).status == 200
    await slack_world.refresh()
    assert slack_world.status == "rejected"
    for copy in (first, second):
        assert "Rejected by bob at" in copy.plain
        assert "The name is wrong." in copy.plain
        assert not answer_buttons(copy.buttons)
    assert slack_world.team.services.requests.get(slack_world.request).reason == "The name is wrong."


async def test_a_reminder_is_a_message_of_its_own(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"), reminder=timedelta(hours=1))
    before = len(slack_world.slack.messages)
    slack_world.advance(timedelta(hours=1))
    assert slack_world.team.services.issuance.advance(slack_world.request).status == "waiting"
    await slack_world.refresh()
    await slack_world.send()
    assert len(slack_world.slack.messages) == before + 1
    reminder = slack_world.slack.messages[-1]
    assert "Approval still waiting: a.example.com" in reminder.plain
    assert "0 of 1 approvals so far" in reminder.plain
    assert answer_buttons(message.buttons), "the question itself stays as it is"
    assert slack_world.team.services.issuance.advance(slack_world.request).status == "waiting"
    await slack_world.send()
    assert len(slack_world.slack.messages) == before + 1, "it is said once"


async def test_an_answer_is_given_only_after_the_vote_is_stored(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    with no_room_for_votes(slack_world.team.services.context.db):
        await slack_world.click("ann", message)
    assert slack_world.reported("ann") == [NOT_RECORDED]
    assert slack_world.stored_votes() == 0
    await slack_world.click("ann", message)
    assert slack_world.votes == [("ann", "approve")]
    assert slack_world.reported("ann") == [NOT_RECORDED]


async def test_without_the_database_slack_shows_its_own_failure(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    with gone(slack_world.team.services.context.db):
        reply = await slack_world.click("ann", message)
    assert reply.status == 503
    assert b"nothing was recorded" in reply.body
    assert not slack_world.slack.whispers
    await slack_world.click("ann", message)
    assert slack_world.votes == [("ann", "approve")]


async def test_a_buggy_lookup_refuses_nobody(
    slack_world: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))

    async def bug(*_: object) -> str:
        raise ValueError("xoxb-secret")

    monkeypatch.setattr(Slack, "email_of", bug)
    await slack_world.click("ann", message)
    assert (slack_world.votes, slack_world.reported("ann")) == ([], [NOT_RECORDED])


async def test_the_member_is_looked_up_once(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("One", "ann"), step("Two", "ann"))
    await slack_world.click("ann", message)
    await slack_world.refresh()
    slack_world.people["ann"].email = "somebody.else@example.com"
    slack_world.people["ann"].name = "asker"
    await slack_world.click("ann", slack_world.slack.messages[-1])
    assert slack_world.votes == [("ann", "approve"), ("ann", "approve")]
    assert slack_world.slack.count("users.info") == 1


async def test_an_address_that_slack_has_not_verified_makes_nobody_a_member(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    slack_world.people["ann"].is_email_confirmed = False
    await slack_world.click("ann", message)
    assert slack_world.stored_votes() == 0
    assert slack_world.refusals("callback.refused") == ["unknown-sender"]
    assert "not a member" in slack_world.reported("ann")[0]


@pytest.mark.parametrize("fault", ["secret", "old", "body"])
async def test_a_forged_callback_is_refused_and_on_record(slack_world: SlackWorld, fault: str) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    ann = slack_world.people["ann"].id
    payload = slack_world.slack.press(ann, message.ts, answer="Approve")
    signed = {
        "secret": slack_world.slack.sign(payload, signing_secret="not the secret"),
        "old": slack_world.slack.sign(payload, age=400),
        "body": slack_world.slack.sign(payload).tampered(
            ann.encode(), slack_world.people["asker"].id.encode()
        ),
    }[fault]
    reply = await slack_world.slack.send(signed, slack_world.callback_url)
    assert reply.status == 403
    assert slack_world.refusals("callback.refused") == ["forged"]
    assert slack_world.stored_votes() == 0


async def test_forged_callbacks_do_not_swell_the_record(slack_world: SlackWorld) -> None:
    forged = slack_world.slack.sign({"type": "block_actions"}, signing_secret="not the secret")
    for _ in range(200):
        assert (await slack_world.slack.send(forged, slack_world.callback_url)).status == 403
    assert [event.data["repeats"] for event in slack_world.events("callback.refused")] == [0]
    slack_world.advance(timedelta(minutes=1))
    for _ in range(3):
        assert (await slack_world.slack.send(forged, slack_world.callback_url)).status == 403
    assert [event.data["repeats"] for event in slack_world.events("callback.refused")] == [0, 199]
    other = open_channel(slack_world.team, "alerts")
    assert (await slack_world.slack.send(forged, slack_world.callback_at(other))).status == 403
    malformed = slack_world.slack.sign({"type": "block_actions"})
    assert (await slack_world.slack.send(malformed, slack_world.callback_url)).status == 400
    reported = [(event.subject_id, event.data["reason"]) for event in slack_world.events("callback.refused")]
    assert reported[2:] == [(other.id, "forged"), (slack_world.channel.id, "malformed")]


async def test_a_body_that_cannot_be_read_is_refused_and_on_record(slack_world: SlackWorld) -> None:
    reply = await slack_world.slack.send(
        slack_world.slack.sign({"type": "block_actions"}), slack_world.callback_url
    )
    assert reply.status == 400
    assert slack_world.refusals("callback.refused") == ["malformed"]


async def test_a_replay_counts_once(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann", "asker", quorum=2), allow_self_approval=True)
    signed = slack_world.slack.sign(
        slack_world.slack.press(slack_world.people["ann"].id, message.ts, answer="Approve")
    )
    for _ in range(2):
        await slack_world.slack.send(signed, slack_world.callback_url)
    assert slack_world.votes == [("ann", "approve")]
    assert slack_world.refusals() == ["replayed"]


async def test_the_replay_of_a_refused_answer_is_a_replay(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    slack_world.people["stranger"] = slack_world.slack.add_user("stranger", "stranger@elsewhere.example")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    unknown = slack_world.slack.press(slack_world.people["ann"].id, message.ts, answer="Approve")
    unknown["actions"][0]["value"] = "a token that was never made"
    payloads = [
        slack_world.slack.press(slack_world.people[who].id, message.ts, answer="Approve")
        for who in ("asker", "stranger")
    ]
    for signed in [slack_world.slack.sign(payload) for payload in (*payloads, unknown)]:
        for _ in range(2):
            await slack_world.slack.send(signed, slack_world.callback_url)
    assert slack_world.refusals() == ["own-request", "replayed", "bad-token", "replayed"]
    assert slack_world.refusals("callback.refused") == ["unknown-sender", "replayed"]


async def test_who_may_not_vote_sees_the_reason(slack_world: SlackWorld) -> None:
    asker = slack_world.person("asker")
    for slug in ("ann", "bob", "gone"):
        slack_world.person(slug)
    slack_world.person("auditor", Role.AUDITOR)
    slack_world.person("outsider", None)
    slack_world.people["stranger"] = slack_world.slack.add_user("stranger", "stranger@elsewhere.example")
    message = await slack_world.ask(asker, step("Owners", "asker", "ann", "gone", quorum=2))
    slack_world.team.services.principals.set_active(slack_world.team.admin, "gone", False)
    expected = {
        "asker": ("own-request", "You requested this"),
        "bob": ("not-in-step", "not an approver of the current step"),
        "gone": ("deactivated", "deactivated"),
        "auditor": ("auditor", "Auditors do not vote"),
        "outsider": ("not-found", "not a member"),
    }
    for slug, (_, said) in expected.items():
        assert (await slack_world.click(slug, message)).status == 200
        assert said in slack_world.reported(slug)[0]
    await slack_world.click("stranger", message)
    assert "not a member" in slack_world.reported("stranger")[0]
    assert slack_world.refusals() == [reason for reason, _ in expected.values()]
    assert slack_world.refusals("callback.refused") == ["unknown-sender"]
    assert slack_world.stored_votes() == 0


async def test_ones_own_request_counts_where_the_policy_allows_it(slack_world: SlackWorld) -> None:
    asker = slack_world.person("asker")
    message = await slack_world.ask(asker, step("Owners", "asker"), allow_self_approval=True)
    await slack_world.click("asker", message)
    assert slack_world.votes == [("asker", "approve")]


async def test_nobody_votes_twice(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    message = await slack_world.ask(asker, step("Owners", "ann", "bob", quorum=2))
    await slack_world.click("ann", message)
    await slack_world.click("ann", message)
    await slack_world.refresh()
    await slack_world.click("ann", message)
    assert slack_world.votes == [("ann", "approve")]
    assert slack_world.refusals() == ["token-used", "voted-already"]


async def test_a_decided_request_takes_no_votes(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    message = await slack_world.ask(asker, step("Owners", "ann", "bob"))
    await slack_world.click("ann", message)
    await slack_world.click("bob", message)
    assert slack_world.refusals() == ["approval-closed"]
    assert "approved already" in slack_world.reported("bob")[0]


async def test_an_expired_request_takes_no_votes(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"), request_ttl=timedelta(hours=1))
    slack_world.advance(timedelta(hours=1))
    await slack_world.click("ann", message)
    assert slack_world.refusals() == ["approval-closed"]
    assert "expired already" in slack_world.reported("ann")[0]
    assert slack_world.team.services.issuance.advance(slack_world.request).status == "expired"
    await slack_world.refresh()
    assert "Expired at" in message.plain
    assert not answer_buttons(message.buttons)


async def test_changed_content_is_asked_anew(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    slack_world.team.services.catalog.update_policy(slack_world.team.admin, "tls", {"max_ttl": "47d"})
    await slack_world.click("ann", message)
    assert slack_world.refusals() == ["content-changed"]
    assert slack_world.stored_votes() == 0
    assert slack_world.team.services.issuance.advance(slack_world.request).status == "waiting"
    await slack_world.refresh()
    assert "approval is requested again" in message.plain
    assert not answer_buttons(message.buttons)
    await slack_world.click("ann", slack_world.slack.messages[-1])
    assert slack_world.status == "approved"


async def test_a_step_that_is_over_takes_no_votes(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    first = await slack_world.ask(asker, step("Owners", "ann", "bob"), step("Again", "ann", "bob"))
    await slack_world.click("ann", first)
    await slack_world.refresh()
    await slack_world.click("bob", first, rendering=0)
    assert slack_world.refusals() == ["other-step"]
    assert slack_world.votes == [("ann", "approve")]


async def test_a_button_counts_only_on_its_own_message(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    first = await slack_world.ask(asker, step("Owners", "ann"), step("Security", "bob"))
    await slack_world.click("ann", first)
    await slack_world.refresh()
    second = slack_world.slack.messages[-1]
    payload = slack_world.slack.press(slack_world.people["bob"].id, second.ts, answer="Approve")
    payload["container"]["message_ts"] = first.ts
    await slack_world.slack.send(slack_world.slack.sign(payload), slack_world.callback_url)
    payload["actions"][0]["value"] = "a token that was never made"
    await slack_world.slack.send(slack_world.slack.sign(payload), slack_world.callback_url)
    assert slack_world.refusals() == ["other-message", "bad-token"]
    assert slack_world.votes == [("ann", "approve")]


# --- one app, many channels


async def test_a_click_may_arrive_at_another_channel_of_the_same_app(slack_world: SlackWorld) -> None:
    asker, _, _ = slack_world.person("asker"), slack_world.person("ann"), slack_world.person("bob")
    alerts = open_channel(slack_world.team, "alerts")
    message = await slack_world.ask(asker, step("Owners", "ann", "bob", quorum=2))
    assert (await slack_world.click("ann", message, at=alerts)).status == 200
    assert (await slack_world.click("bob", message)).status == 200
    assert slack_world.votes == [("ann", "approve"), ("bob", "approve")]
    assert not slack_world.slack.whispers


async def test_a_stranger_is_on_record_where_the_question_was_asked(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    slack_world.people["stranger"] = slack_world.slack.add_user("stranger", "stranger@elsewhere.example")
    alerts = open_channel(slack_world.team, "alerts")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    await slack_world.click("stranger", message, at=alerts)
    (refused,) = slack_world.events("callback.refused")
    assert (refused.data["reason"], refused.subject_id) == ("unknown-sender", slack_world.channel.id)


async def test_a_click_that_arrives_over_another_connection_is_refused(slack_world: SlackWorld) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    connect(slack_world.team, slack_world.slack, "elsewhere")
    alerts = open_channel(slack_world.team, "alerts", "elsewhere")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    await slack_world.click("ann", message, at=alerts)
    assert slack_world.stored_votes() == 0
    assert slack_world.refusals() == ["other-message"]
    assert "belongs to another message" in slack_world.reported("ann")[0]


async def test_channels_whose_notifier_does_not_share_answers_take_their_own_only(
    slack_world: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, _ = slack_world.person("asker"), slack_world.person("ann")
    alerts = open_channel(slack_world.team, "alerts")
    message = await slack_world.ask(asker, step("Owners", "ann"))
    monkeypatch.setattr(Slack, "shares_answers", False)
    await slack_world.click("ann", message, at=alerts)
    assert slack_world.refusals() == ["other-message"]
    await slack_world.click("ann", message)
    assert slack_world.votes == [("ann", "approve")]


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
