"""A click in Slack, from the signed request to what the person is shown, and who it was."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from certrail_fakes.slack import TEAM_ID, Fault, Signed, SlackServer, User
from certrail_notifier_slack.blocks import COMMENT_BLOCK
from certrail_sdk import CallbackRequest, CallbackResponse, Forged, Interaction, Malformed, Outcome, Retryable

from .workspace import LOST, NO, RECORDED, REFUSED, YES, CallbackSite, pressed, question, request, slack


async def answered(server: SlackServer, user: User) -> Interaction:
    received = await slack(server).receive(request(await pressed(server, user)))
    assert isinstance(received, Interaction)
    return received


def signed_body(server: SlackServer, body: bytes, content_type: str) -> CallbackRequest:
    timestamp = str(int(time.time()))
    base = b"v0:" + timestamp.encode() + b":" + body
    digest = hmac.new(server.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    headers = {
        "content-type": content_type,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"v0={digest}",
    }
    return CallbackRequest(body=body, headers=headers, received_at=datetime.now(UTC))


async def test_an_approval_is_read(server: SlackServer, ann: User) -> None:
    sent = await slack(server).ask(question())
    interaction = await answered(server, ann)
    assert (interaction.sender, interaction.workspace) == (ann.id, TEAM_ID)
    assert interaction.token.get_secret_value() == YES
    assert interaction.message == sent.reference
    assert interaction.comment == ""
    assert YES not in repr(interaction)


async def test_the_same_request_has_the_same_replay_key(server: SlackServer, ann: User) -> None:
    first, second = await pressed(server, ann), await pressed(server, ann)
    keys = []
    for signed in (first, first, second):
        received = await slack(server).receive(request(signed))
        assert isinstance(received, Interaction)
        keys.append(received.replay_key)
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


async def test_forged_requests(server: SlackServer, ann: User) -> None:
    good = await pressed(server, ann)
    payload = server.press(ann.id, server.messages[0].ts, answer="approve")
    now = good.headers["x-slack-request-timestamp"]
    unsigned = {name: value for name, value in good.headers.items() if name != "x-slack-signature"}
    forgeries = [
        good.tampered(b"approve", b"reject"),
        server.sign(payload, signing_secret="another"),
        server.sign(payload, age=301),
        server.sign(payload, age=-310),
        Signed(good.body, unsigned),
        Signed(good.body, {}),
        Signed(good.body, {**good.headers, "x-slack-signature": "v0=é"}),
        Signed(good.body, {**good.headers, "x-slack-request-timestamp": f" {now}"}),
        Signed(good.body, {**good.headers, "x-slack-request-timestamp": "9" * 400}),
        Signed(good.body, {**good.headers, "x-slack-request-timestamp": str(int(now) - 1)}),
    ]
    for forgery in forgeries:
        with pytest.raises(Forged):
            await slack(server).receive(request(forgery))
    with pytest.raises(Forged):
        await slack(server).receive(request(good, after=301))
    assert isinstance(await slack(server).receive(request(good, after=290)), Interaction)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"payload=",
        b"payload=%7B",
        b"payload=%5B%5D",
        b"other=1",
        b"payload=%7B%22type%22%3A%22block_actions%22%7D",
        b"payload=%7B%22type%22%3A%22view_submission%22%2C%22view%22%3Anull%7D",
    ],
)
async def test_what_cannot_be_read_is_malformed(server: SlackServer, body: bytes) -> None:
    with pytest.raises(Malformed):
        await slack(server).receive(signed_body(server, body, "application/x-www-form-urlencoded"))


async def test_slack_may_verify_the_url(server: SlackServer) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    answer = await slack(server).receive(signed_body(server, body, "application/json"))
    assert isinstance(answer, CallbackResponse)
    assert (answer.status, answer.body) == (200, b"abc")


async def test_other_interactions_need_nothing(server: SlackServer, ann: User) -> None:
    await slack(server).ask(question(link="https://certrail.example.org/a"))
    link = await pressed(server, ann, "Open in certrail")
    other = await pressed(server, ann, type="shortcut")
    for signed in (link, other):
        answer = await slack(server).receive(request(signed))
        assert isinstance(answer, CallbackResponse)
        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("answer", ["approve", "reject"])
@pytest.mark.parametrize(
    "url", ["https://evil.example/actions/x", "http://169.254.169.254/", "http://localhost:1/", 5]
)
async def test_a_foreign_response_url_is_forged(
    server: SlackServer, ann: User, answer: str, url: object
) -> None:
    with pytest.raises(Forged):
        await slack(server).receive(request(await pressed(server, ann, answer, response_url=url)))
    assert not server.views


async def test_a_click_is_answered(server: SlackServer, ann: User, site: tuple[CallbackSite, str]) -> None:
    callbacks, url = site
    await slack(server).ask(question())
    reply = await server.click(ann.id, server.messages[0].ts, answer="approve", callback_url=url)
    assert (reply.status, reply.body) == (200, b"")
    assert [answer.token.get_secret_value() for answer in callbacks.answers] == [YES]
    assert not server.whispers


@pytest.mark.parametrize("outcome", [REFUSED, LOST])
async def test_what_was_not_recorded_is_whispered(
    server: SlackServer, ann: User, site: tuple[CallbackSite, str], outcome: Outcome
) -> None:
    callbacks, url = site
    callbacks.outcome = outcome
    await slack(server).ask(question())
    reply = await server.click(ann.id, server.messages[0].ts, answer="approve", callback_url=url)
    assert (reply.status, reply.body) == (200, b"")
    assert [(whisper.only_for, whisper.text) for whisper in server.whispers] == [(ann.id, outcome.message)]
    assert server.messages[0].buttons, "the question stays as it was"


@pytest.mark.parametrize(
    "fault",
    [Fault(status=500), Fault(status=302, headers={"Location": "http://127.0.0.1:1/"}), Fault(cut=True)],
)
async def test_when_even_the_whisper_fails_slack_shows_an_error(
    server: SlackServer, ann: User, fault: Fault
) -> None:
    interaction = await answered(server, ann)
    server.script("response_url", fault)
    answer = await slack(server).acknowledge(interaction, LOST)
    assert answer.status == 500
    assert b"try again" in answer.body


async def test_a_rejection_asks_for_the_reason(
    server: SlackServer, ann: User, site: tuple[CallbackSite, str]
) -> None:
    callbacks, url = site
    sent = await slack(server).ask(question())
    reply = await server.click(ann.id, server.messages[0].ts, answer="reject", callback_url=url)
    assert (reply.status, reply.body) == (200, b"")
    assert not callbacks.answers, "a rejection without its reason does not count"
    view = server.people.view_of(ann.id)
    callbacks.outcome = LOST
    await server.submit_view(ann.id, view.id, " too broad ", url)
    assert view.open
    assert view.errors == {COMMENT_BLOCK: LOST.message}
    callbacks.outcome = RECORDED
    reply = await server.submit_view(ann.id, view.id, " too broad ", url)
    assert (reply.status, reply.body) == (200, b"")
    assert not view.open
    interaction = callbacks.answers[-1]
    assert interaction.token.get_secret_value() == NO
    assert interaction.comment == "too broad"
    assert interaction.message == sent.reference
    assert (interaction.sender, interaction.workspace) == (ann.id, TEAM_ID)


async def test_a_modal_that_cannot_be_opened_is_reported(server: SlackServer, ann: User) -> None:
    await slack(server).ask(question())
    signed = await pressed(server, ann, "reject")
    server.advance(4)
    answer = await slack(server).receive(request(signed))
    assert isinstance(answer, CallbackResponse)
    assert answer.status == 200
    assert [whisper.text for whisper in server.whispers] == [LOST.message]


async def test_other_peoples_modals_are_left_alone(server: SlackServer, ann: User) -> None:
    await slack(server).ask(question())
    await slack(server).receive(request(await pressed(server, ann, "reject")))
    view = server.people.view_of(ann.id)
    submitted = server.people.submit(ann.id, view.id, "why")
    submitted["view"]["callback_id"] = "somebody_elses"
    for payload in (submitted, server.people.close(ann.id, view.id)):
        answer = await slack(server).receive(request(server.sign(payload)))
        assert answer == CallbackResponse(status=200)


async def test_the_email_address_comes_from_the_own_workspace(server: SlackServer, ann: User) -> None:
    interaction = await answered(server, ann)
    assert await slack(server).email_of(interaction) == "ann@example.com"


@pytest.mark.parametrize(
    "change", [{"deleted": True}, {"is_bot": True}, {"is_email_confirmed": False}, {"team_id": "T0OTHER"}]
)
async def test_nobody_vouches_for_these(server: SlackServer, ann: User, change: dict[str, Any]) -> None:
    interaction = await answered(server, ann)
    for name, value in change.items():
        setattr(ann, name, value)
    assert await slack(server).email_of(interaction) is None


async def test_a_sender_of_another_workspace_or_unknown_has_no_email(server: SlackServer, ann: User) -> None:
    interaction = await answered(server, ann)
    for change in ({"workspace": "T0OTHER"}, {"sender": "U404"}):
        assert await slack(server).email_of(interaction.model_copy(update=change)) is None


async def test_an_email_that_cannot_be_looked_up_is_an_error_not_a_stranger(
    server: SlackServer, ann: User
) -> None:
    interaction = await answered(server, ann)
    server.script("users.info", Fault(status=503))
    with pytest.raises(Retryable):
        await slack(server).email_of(interaction)
