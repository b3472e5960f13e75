"""The Slack notifier against a workspace that keeps everything: configuration, messages, questions."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from certrail_fakes.slack import BOT_ID, Fault, Message, SlackServer, User
from certrail_notifier_slack import Slack, SlackConfig, certrail_notifiers
from certrail_sdk import (
    Fact,
    Interaction,
    Interactive,
    Listens,
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

from .workspace import NO, YES, pressed, question, request, slack


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


def closed(**changes: object) -> Question:
    return question(choices=(), status="Approved by Ann at 2026-03-01 12:30 UTC: fine", **changes)


def _texts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in _texts(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") in ("mrkdwn", "plain_text") else []
    return own + [found for item in value.values() for found in _texts(item)]


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


@pytest.mark.parametrize(("private", "scope"), [(False, "channels:history"), (True, "groups:history")])
async def test_check_names_the_scope_that_is_missed_only_after_an_interruption(
    server: SlackServer, private: bool, scope: str
) -> None:
    channel = server.add_channel("ops", is_private=private)
    server.state.scopes.remove(scope)
    with pytest.raises(Unauthorized, match=scope):
        await slack(server, channel=channel.id).check()


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
    reported = " ".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert "could not be opened" in reported
    tickets = [path.partition("ticket=")[2].partition("&")[0] for path in server.sockets.connected.all()]
    secrets = [server.token, server.app_token, server.signing_secret, YES, NO, "/actions/", *tickets]
    assert not [secret for secret in secrets if secret in reported]


def test_the_session_is_not_shared(server: SlackServer) -> None:
    assert not any(isinstance(value, aiohttp.ClientSession) for value in vars(slack(server)).values())
