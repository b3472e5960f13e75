"""The Slack notifier against a workspace that keeps everything."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from certrail_notifier_slack import Slack, SlackConfig, certrail_notifiers
from certrail_notifier_slack.blocks import COMMENT_BLOCK
from certrail_sdk import (
    CallbackRequest,
    CallbackResponse,
    Choice,
    Fact,
    Forged,
    Interaction,
    Interactive,
    Listens,
    Malformed,
    Misconfigured,
    Notification,
    Outcome,
    Permanent,
    PluginError,
    Question,
    RateLimited,
    Retryable,
    Unauthorized,
    connection_fields,
    secret_fields,
)
from certrail_standins.slack import BOT_ID, TEAM_ID, Fault, Message, Signed, SlackServer, User

RECORDED = Outcome(state="recorded", message="Recorded.")
REFUSED = Outcome(state="refused", message="You asked for it yourself.")
LOST = Outcome(state="not_recorded", message="Your answer was not recorded. Please try again.")
YES, NO = "token-to-approve-0001", "token-to-reject-0002"


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


@pytest.fixture
def ann(server: SlackServer) -> User:
    return server.add_user("ann", "ann@example.com")


def slack(server: SlackServer, **changes: object) -> Slack:
    values: dict[str, object] = {
        "bot_token": server.token,
        "signing_secret": server.signing_secret,
        "api_url": server.url,
        "response_hosts": [server.host],
        "channel": server.channel("approvals").id,
    }
    return Slack(SlackConfig.parse(values | changes))


def notification(**changes: object) -> Notification:
    values: dict[str, object] = {
        "id": "ntf-1",
        "event_type": "certificate.issued",
        "occurred_at": datetime.now(UTC),
        "title": "api.example.com was issued",
        "summary": "Valid for 90 days.",
        "facts": (Fact(label="Serial", value="0a1b"),),
        "link": "https://certrail.example.org/certificates/1",
    }
    return Notification.model_validate(values | changes)


def question(**changes: object) -> Question:
    values: dict[str, object] = {
        "id": "qst-1",
        "title": "Approve a certificate for api.example.com?",
        "summary": "Step 1 of 1: Security",
        "facts": (Fact(label="Names", value="api.example.com"), Fact(label="Key", value="EC P-256")),
        "choices": (
            Choice(answer="approve", label="Approve", token=SecretStr(YES)),
            Choice(answer="reject", label="Reject", token=SecretStr(NO), wants_comment=True),
        ),
        "status": "0 of 1 approvals",
        "deadline": datetime.now(UTC) + timedelta(days=1),
    }
    return Question.model_validate(values | changes)


def closed(**changes: object) -> Question:
    return question(choices=(), status="Approved by Ann at 2026-03-01 12:30 UTC: fine", **changes)


def request(signed: Signed, after: float = 0) -> CallbackRequest:
    received = datetime.now(UTC) + timedelta(seconds=after)
    return CallbackRequest(body=signed.body, headers=signed.headers, received_at=received)


async def pressed(server: SlackServer, user: User, answer: str = "approve", **payload: object) -> Signed:
    """A signed click on the question that stands in the channel, asked now if none does."""
    if not server.messages:
        await slack(server).ask(question())
    return server.sign(server.press(user.id, server.messages[-1].ts, answer=answer) | payload)


async def answered(server: SlackServer, user: User) -> Interaction:
    received = await slack(server).receive(request(await pressed(server, user)))
    assert isinstance(received, Interaction)
    return received


class CallbackSite:
    """What the server does with a callback, without a database: records answers, says ``outcome``."""

    def __init__(self, notifier: Slack) -> None:
        self._notifier = notifier
        self.outcome = RECORDED
        self.answers: list[Interaction] = []

    async def handle(self, incoming: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        body = await incoming.read()
        asked = CallbackRequest(body=body, headers=headers, received_at=datetime.now(UTC))
        try:
            read = await self._notifier.receive(asked)
        except Forged:
            return web.Response(status=401)
        except Malformed:
            return web.Response(status=400)
        if isinstance(read, Interaction):
            self.answers.append(read)
            read = await self._notifier.acknowledge(read, self.outcome)
        return web.Response(status=read.status, body=read.body, headers={"Content-Type": read.content_type})


@pytest.fixture
async def site(server: SlackServer) -> AsyncIterator[tuple[CallbackSite, str]]:
    callbacks = CallbackSite(slack(server))
    app = web.Application()
    app.router.add_post("/callbacks/1", callbacks.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    host, port = runner.addresses[0][:2]
    yield callbacks, f"http://{host}:{port}/callbacks/1"
    await runner.cleanup()


# --- configuration


def test_it_is_found_and_can_be_asked(server: SlackServer) -> None:
    assert certrail_notifiers() == [Slack]
    assert isinstance(slack(server), Interactive)
    assert isinstance(slack(server), Listens)
    assert not slack(server).wants_listener()
    assert slack(server, app_token="xapp-1").wants_listener()


def test_credentials_come_from_the_connection_and_are_secret() -> None:
    credentials = {"bot_token", "signing_secret", "app_token"}
    assert secret_fields(SlackConfig) == credentials
    assert connection_fields(SlackConfig) == credentials | {"api_url", "response_hosts"}


@pytest.mark.parametrize(
    "changes",
    [
        {"api_url": "http://slack.example.com/api/"},
        {"api_url": "http://127.0.0.1.example.com/api/"},
        {"api_url": "https://user:pw@slack.com/api/"},
        {"api_url": "slack.com"},
        {"channel": "approvals"},
        {"channel": "D0123"},
        {"response_hosts": []},
        {"response_hosts": ["https://hooks.slack.com"]},
    ],
)
def test_values_that_cannot_work_are_refused(server: SlackServer, changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        slack(server, **changes)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.slack.com/actions/T/1/x", True),
        ("https://hooks.slack.com:443/actions/T/1/x", True),
        ("http://hooks.slack.com/actions/T/1/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://evil.example/hooks.slack.com", False),
        ("http://127.0.0.1/x", False),
        ("https://hooks.slack.com\\@evil.example/x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_answers_go_to_slack_only(url: str, allowed: bool) -> None:
    config = SlackConfig.parse({"bot_token": "xoxb-1", "signing_secret": "s", "channel": "C123"})
    assert config.may_answer_at(url) is allowed


# --- check


@pytest.mark.parametrize("channel", ["#approvals", "C00000001"])
async def test_check_accepts_what_works_and_posts_nothing(server: SlackServer, channel: str) -> None:
    await slack(server, channel=channel, app_token=server.app_token).check()
    assert not server.messages


async def test_check_names_what_is_wrong(server: SlackServer) -> None:
    server.add_channel("elsewhere", is_member=False)
    gone = server.add_channel("gone", is_archived=True)
    for channel in ("#elsewhere", server.channel("elsewhere").id, gone.id, "C404", "#nowhere"):
        with pytest.raises(Misconfigured) as wrong:
            await slack(server, channel=channel).check()
        assert wrong.value.field == "channel"
    with pytest.raises(Unauthorized, match="app token"):
        await slack(server, app_token="xapp-wrong").check()
    server.state.scopes.remove("users:read.email")
    with pytest.raises(Unauthorized, match=r"users:read\.email"):
        await slack(server).check()


# --- messages


async def test_a_notification_is_posted_with_its_id(server: SlackServer) -> None:
    sent = await slack(server).send(notification())
    [message] = server.messages
    assert sent.reference == f"{message.channel}:{message.ts}"
    assert message.metadata == {"event_type": "certrail_notification", "event_payload": {"id": "ntf-1"}}
    for part in ("api.example.com was issued", "Valid for 90 days.", "Serial:", "0a1b", "certificate.issued"):
        assert part in message.plain
    assert [button["url"] for button in message.buttons] == ["https://certrail.example.org/certificates/1"]


async def test_text_from_outside_cannot_mention_or_imitate(server: SlackServer) -> None:
    evil = "<!channel> *Approved* <https://evil.example|here>"
    await slack(server).send(notification(title=evil, summary=evil, facts=(Fact(label=evil, value=evil),)))
    [message] = server.messages
    assert "<!channel>" not in message.text
    assert "&lt;!channel&gt;" in message.text
    marked_up = [text for text in _texts(message.blocks) if text["type"] == "mrkdwn"]
    assert marked_up
    assert not any("evil" in text["text"] or "channel" in text["text"] for text in marked_up)


def _texts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in _texts(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") in ("mrkdwn", "plain_text") else []
    return own + [found for item in value.values() for found in _texts(item)]


async def test_long_content_is_cut_visibly_and_accepted(server: SlackServer) -> None:
    facts = tuple(Fact(label=f"Fact {number}", value="x" * 5000) for number in range(300))
    long = notification(title="t" * 400, summary="s" * 9000, facts=(*facts, Fact(label="Empty", value="")))
    await slack(server).send(long)
    [message] = server.messages
    assert "... (9000 characters)" in message.plain
    assert "202 more facts do not fit here." in message.plain


async def test_cut_after_posting_leaves_one_message(server: SlackServer) -> None:
    server.cut_after("chat.postMessage")
    with pytest.raises(Retryable):
        await slack(server).send(notification())
    [message] = server.messages
    sent = await slack(server).send(notification(may_exist=True))
    assert server.messages == [message]
    assert sent.reference == f"{message.channel}:{message.ts}"


async def test_cancelled_after_posting_leaves_one_message(server: SlackServer) -> None:
    server.hold("chat.postMessage")
    sending = asyncio.create_task(slack(server, channel="#approvals").send(notification()))
    await server.wait_held()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    server.release()
    await slack(server, channel="#approvals").send(notification(may_exist=True))
    assert len(server.messages) == 1


async def test_only_our_own_message_of_this_id_is_adopted(server: SlackServer) -> None:
    await slack(server).send(notification(id="ntf-0"))
    await slack(server).send(notification())
    server.messages[-1].bot_id = "B0OTHERBOT"
    await slack(server).send(notification(may_exist=True))
    assert [message.bot_id for message in server.messages] == [BOT_ID, "B0OTHERBOT", BOT_ID]


async def test_an_earlier_copy_is_found_beyond_the_first_page(server: SlackServer) -> None:
    first = await slack(server).ask(question())
    [message] = server.messages
    for _ in range(450):
        filler = Message(message.channel, server.state.next_ts(), "U1", "chat", [[]])
        server.state.messages.append(filler)
    again = await slack(server).ask(question(may_exist=True))
    assert again.reference == first.reference
    assert server.count("conversations.history") == 3
    assert server.count("chat.postMessage") == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("invalid_auth"), Unauthorized),
        (Fault("token_revoked"), Unauthorized),
        (Fault("account_inactive"), Unauthorized),
        (Fault("not_authed"), Unauthorized),
        (Fault("missing_scope"), Unauthorized),
        (Fault("channel_not_found"), Misconfigured),
        (Fault("not_in_channel"), Misconfigured),
        (Fault("is_archived"), Misconfigured),
        (Fault("msg_too_long"), Permanent),
        (Fault("internal_error"), Retryable),
        (Fault(status=502), Retryable),
        (Fault(cut=True), Retryable),
        (Fault("ratelimited"), RateLimited),
    ],
)
async def test_refusals_say_what_to_do(
    server: SlackServer, fault: Fault, expected: type[PluginError]
) -> None:
    server.script("chat.postMessage", fault)
    with pytest.raises(PluginError) as raised:
        await slack(server).send(notification())
    assert type(raised.value) is expected
    assert raised.value.__cause__ is None, "the vendor's exception holds the token"
    assert server.count("chat.postMessage") <= 1, "the engine retries, not the plugin"


async def test_rate_limits_carry_the_pause(server: SlackServer) -> None:
    server.rate_limit("chat.postMessage", 17)
    with pytest.raises(RateLimited) as raised:
        await slack(server).send(notification())
    assert raised.value.retry_after == timedelta(seconds=17)
    assert not server.messages


async def test_nobody_there(server: SlackServer) -> None:
    with pytest.raises(Retryable):
        await slack(server, api_url="http://127.0.0.1:9/api/").send(notification())


# --- questions


async def test_a_question_has_buttons_that_carry_the_tokens(server: SlackServer) -> None:
    sent = await slack(server, channel="#approvals").ask(question())
    [message] = server.messages
    assert sent.reference == f"{server.channel('approvals').id}:{message.ts}"
    shown = [(button["text"]["text"], button["style"], button["value"]) for button in message.buttons]
    assert shown == [("Approve", "primary", YES), ("Reject", "danger", NO)]
    for part in ("api.example.com", "EC P-256", "0 of 1 approvals", "Answer before "):
        assert part in message.plain
    assert YES not in message.plain + message.text


async def test_a_closed_question_has_no_buttons_and_says_why(server: SlackServer) -> None:
    sent = await slack(server).ask(question())
    for _ in range(2):
        await slack(server).update(sent.reference, closed())
    [message] = server.messages
    assert message.buttons == []
    assert "Approved by Ann at 2026-03-01 12:30 UTC: fine" in message.plain
    assert "Answer before" not in message.plain


async def test_a_question_that_closed_before_it_was_adopted_loses_its_buttons(server: SlackServer) -> None:
    server.cut_after("chat.postMessage")
    with pytest.raises(Retryable):
        await slack(server).ask(question())
    await slack(server).ask(closed(may_exist=True))
    [message] = server.messages
    assert message.buttons == []


async def test_a_message_that_is_gone_cannot_be_updated(server: SlackServer) -> None:
    channel = server.channel("approvals").id
    for reference in (f"{channel}:1.2", "nonsense"):
        with pytest.raises(Permanent) as raised:
            await slack(server).update(reference, question())
        assert type(raised.value) is Permanent


# --- callbacks


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


# --- the whole way of a click


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


async def test_a_modal_that_cannot_be_opened_is_told(server: SlackServer, ann: User) -> None:
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


# --- who it was


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


# --- Socket Mode


@pytest.fixture
async def listening(server: SlackServer) -> AsyncIterator[Callable[[Any], Any]]:
    tasks: list[asyncio.Task[None]] = []

    async def start(answer: Callable[[Interaction], Any]) -> None:
        notifier = slack(server, app_token=server.app_token)
        tasks.append(asyncio.create_task(notifier.listen(answer)))
        await server.wait_connected()

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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


async def test_what_could_not_be_told_is_not_acknowledged(
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
    told = await server.click_over_socket(ann.id, server.messages[0].ts, answer="approve")
    assert [ack.envelope_id for ack in await server.wait_acks(1)] == [told]


async def test_listening_with_a_refused_app_token_is_an_error(server: SlackServer) -> None:
    async def answer(interaction: Interaction) -> Outcome:
        return RECORDED

    with pytest.raises(Unauthorized):
        await asyncio.wait_for(slack(server, app_token="xapp-wrong").listen(answer), 5)


# --- secrets


async def test_nothing_secret_is_logged(
    server: SlackServer,
    ann: User,
    listening: Callable[[Any], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    async def answer(interaction: Interaction) -> Outcome:
        raise RuntimeError(f"it broke with {interaction.token.get_secret_value()}")

    await slack(server).ask(question())
    await listening(answer)
    await server.click_over_socket(ann.id, server.messages[0].ts, answer="approve")
    rejected = await pressed(server, ann, "reject")
    await slack(server).receive(request(rejected))
    server.script("views.open", Fault("fatal_error"))
    await slack(server).receive(request(await pressed(server, ann, "reject")))
    await server.state.response_posts.wait_for(1, 5)
    told = " ".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert "could not be opened" in told
    tickets = [path.partition("ticket=")[2].partition("&")[0] for path in server.sockets.connected.all()]
    secrets = [server.token, server.app_token, server.signing_secret, YES, NO, "/actions/", *tickets]
    assert not [secret for secret in secrets if secret in told]


def test_the_session_is_not_shared(server: SlackServer) -> None:
    assert not any(isinstance(value, aiohttp.ClientSession) for value in vars(slack(server)).values())
