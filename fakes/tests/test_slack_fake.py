"""The Slack stand-in against the vendor's own SDK."""

import asyncio
import json
import subprocess
import sys
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from certrail_fakes.receiver import Answer, WebhookReceiver
from certrail_fakes.slack import TEAM_ID, Fault, Signed, SlackServer, User

BUTTONS: list[dict[str, Any]] = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "yes",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "t1",
            },
            {
                "type": "button",
                "action_id": "no",
                "text": {"type": "plain_text", "text": "Reject"},
                "value": "t2",
            },
        ],
    }
]
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "why",
    "private_metadata": "kept",
    "title": {"type": "plain_text", "text": "Why"},
    "submit": {"type": "plain_text", "text": "Reject"},
    "blocks": [
        {
            "type": "input",
            "block_id": "b",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "a"},
        }
    ],
}


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


@pytest.fixture
async def app() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


@pytest.fixture
def ann(slack: SlackServer) -> User:
    return slack.add_user("ann", "ann@example.com")


def client(slack: SlackServer, token: str | None = None) -> AsyncWebClient:
    web = AsyncWebClient(token=slack.token if token is None else token, base_url=slack.url, retry_handlers=[])
    web.proxy = None
    return web


async def refused(call: Any) -> SlackApiError:
    with pytest.raises(SlackApiError) as raised:
        await call
    return raised.value


async def code(call: Any) -> str:
    return str((await refused(call)).response["error"])


def payload_of(signed: Signed | bytes) -> dict[str, Any]:
    body = signed.body if isinstance(signed, Signed) else signed
    parsed: dict[str, Any] = json.loads(urllib.parse.parse_qs(body.decode())["payload"][0])
    return parsed


async def test_tokens_and_scopes(slack: SlackServer) -> None:
    reported = await client(slack).auth_test()
    assert (reported["team_id"], reported["bot_id"]) == (TEAM_ID, "B0BOT")
    assert "chat:write" in reported.headers["X-OAuth-Scopes"]
    assert await code(client(slack, "").auth_test()) == "not_authed"
    assert await code(client(slack, "xoxb-wrong").auth_test()) == "invalid_auth"
    assert await code(client(slack, slack.app_token).auth_test()) == "not_allowed_token_type"
    slack.state.scopes.remove("chat:write")
    error = await refused(client(slack).chat_postMessage(channel="#alerts", text="x"))
    assert (error.response["error"], error.response["needed"]) == ("missing_scope", "chat:write")
    assert await code(client(slack).api_call("chat.shout")) == "unknown_method"


async def test_messages_are_posted_by_id_or_name_and_updated_by_id_only(slack: SlackServer) -> None:
    web, alerts = client(slack), slack.channel("alerts")
    for name in (alerts.id, "alerts", "#alerts"):
        posted = await web.chat_postMessage(channel=name, text=name)
        assert posted["channel"] == alerts.id
    assert len({message.ts for message in slack.messages}) == 3
    await web.chat_update(channel=alerts.id, ts=posted["ts"], text="new", blocks=BUTTONS)
    assert slack.messages[-1].text == "new"
    assert [button["value"] for button in slack.messages[-1].buttons] == ["t1", "t2"]
    await web.chat_update(channel=alerts.id, ts=posted["ts"], text="kept")
    assert slack.messages[-1].buttons, "blocks that are not mentioned stay"
    await web.chat_update(channel=alerts.id, ts=posted["ts"], text="none", blocks=[])
    assert not slack.messages[-1].buttons
    assert await code(web.chat_update(channel="#alerts", ts=posted["ts"], text="x")) == "channel_not_found"
    assert await code(web.chat_update(channel=alerts.id, ts="1.2", text="x")) == "message_not_found"


@pytest.mark.parametrize(
    ("flags", "error"), [({"is_member": False}, "not_in_channel"), ({"is_archived": True}, "is_archived")]
)
async def test_channels_that_refuse(slack: SlackServer, flags: dict[str, bool], error: str) -> None:
    other = slack.add_channel("other", **flags)
    assert await code(client(slack).chat_postMessage(channel=other.id, text="x")) == error
    assert await code(client(slack).chat_postMessage(channel="#none", text="x")) == "channel_not_found"


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "divider"}] * 51,
        [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "plain_text", "text": ""}}],
        [{"type": "section", "fields": [{"type": "plain_text", "text": "x"}] * 11}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "actions", "elements": [{**BUTTONS[0]["elements"][0], "value": "x" * 2001}]}],
        [{"type": "actions", "elements": [BUTTONS[0]["elements"][0]] * 2}],
        [{"type": "section", "colour": "red", "text": {"type": "plain_text", "text": "x"}}],
        [{"type": "divider", "block_id": "same"}, {"type": "divider", "block_id": "same"}],
        [MODAL["blocks"][0]],
    ],
)
async def test_blocks_are_checked(slack: SlackServer, blocks: list[dict[str, Any]]) -> None:
    error = await refused(client(slack).chat_postMessage(channel="#alerts", text="x", blocks=blocks))
    assert error.response["error"] == "invalid_blocks"
    assert error.response["response_metadata"]["messages"]
    assert not slack.messages


async def test_text_and_blocks_that_are_missing_or_unreadable(slack: SlackServer) -> None:
    web = client(slack)
    assert await code(web.api_call("chat.postMessage", json={"channel": "#alerts"})) == "no_text"
    wrong = {"channel": "#alerts", "text": "x", "blocks": "no json"}
    assert await code(web.api_call("chat.postMessage", json=wrong)) == "invalid_blocks_format"
    assert await code(web.chat_postMessage(channel="#alerts", text="x" * 40_001)) == "msg_too_long"


async def test_history_pages_newest_first_and_shows_metadata_when_asked(slack: SlackServer) -> None:
    web, alerts = client(slack), slack.channel("alerts").id
    mine = {"event_type": "x", "event_payload": {"id": "0"}}
    for number in range(5):
        await web.chat_postMessage(channel=alerts, text=str(number), metadata=mine if number == 0 else None)
    seen = []
    async for page in await web.conversations_history(channel=alerts, limit=2, include_all_metadata=True):
        seen += page["messages"]
    assert [message["text"] for message in seen] == ["4", "3", "2", "1", "0"]
    assert seen[-1]["metadata"] == mine
    plain = await web.conversations_history(channel=alerts)
    assert all("metadata" not in message for message in plain["messages"])
    since = await web.conversations_history(channel=alerts, oldest=seen[1]["ts"])
    assert [message["text"] for message in since["messages"]] == ["4"]


async def test_people_are_found(slack: SlackServer, ann: User) -> None:
    web = client(slack)
    assert (await web.users_lookupByEmail(email="ann@example.com"))["user"]["id"] == ann.id
    assert (await web.users_info(user=ann.id))["user"]["profile"]["email"] == "ann@example.com"
    ann.deleted = True
    assert (await web.users_info(user=ann.id))["user"]["deleted"] is True
    assert await code(web.users_lookupByEmail(email="ann@example.com")) == "users_not_found"
    assert await code(web.users_info(user="U404")) == "user_not_found"
    await web.chat_postEphemeral(channel=slack.channel("alerts").id, user=ann.id, text="psst")
    assert [(whisper.only_for, whisper.text) for whisper in slack.whispers] == [(ann.id, "psst")]
    assert not slack.messages


async def test_a_click_is_signed_and_answered(slack: SlackServer, app: WebhookReceiver, ann: User) -> None:
    posted = await client(slack).chat_postMessage(channel="#alerts", text="?", blocks=BUTTONS)
    app.script(Answer(202, body=b"hello"))
    reply = await slack.click(ann.id, posted["ts"], answer="approve", callback_url=app.url)
    assert (reply.status, reply.body, reply.in_time) == (202, b"hello", True)
    [kept] = app.requests
    assert SignatureVerifier(slack.signing_secret).is_valid_request(kept.body, dict(kept.headers))
    payload = payload_of(kept.body)
    assert payload["type"] == "block_actions"
    assert payload["actions"][0]["value"] == "t1"
    assert payload["container"]["message_ts"] == posted["ts"]
    assert payload["user"]["team_id"] == TEAM_ID
    await slack.send(reply.request, app.url)
    assert app.requests[1].body == kept.body
    assert app.requests[1].headers["x-slack-signature"] == kept.headers["x-slack-signature"]
    with pytest.raises(LookupError):
        slack.press(ann.id, posted["ts"], "maybe")


async def test_forgeries_do_not_verify(slack: SlackServer, app: WebhookReceiver, ann: User) -> None:
    posted = await client(slack).chat_postMessage(channel="#alerts", text="?", blocks=BUTTONS)
    await slack.click(ann.id, posted["ts"], "yes", callback_url=app.url, age=600)
    await slack.click(ann.id, posted["ts"], "yes", callback_url=app.url, signing_secret="another")
    signed = slack.sign(slack.press(ann.id, posted["ts"], "yes"))
    await slack.send(signed.tampered(b"t1", b"t9"), app.url)
    verifier = SignatureVerifier(slack.signing_secret)
    assert not any(verifier.is_valid_request(kept.body, dict(kept.headers)) for kept in app.requests)
    assert len(app.requests) == 3


async def test_a_trigger_opens_one_modal_within_three_seconds(slack: SlackServer, ann: User) -> None:
    web = client(slack)
    posted = await web.chat_postMessage(channel="#alerts", text="?", blocks=BUTTONS)
    trigger = slack.press(ann.id, posted["ts"], "no")["trigger_id"]
    too_long = MODAL | {"private_metadata": "x" * 3001}
    assert await code(web.views_open(trigger_id=trigger, view=too_long)) == "invalid_arguments"
    opened = await web.views_open(trigger_id=trigger, view=MODAL)
    assert opened["view"]["private_metadata"] == "kept"
    assert await code(web.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    late = slack.press(ann.id, posted["ts"], "no")["trigger_id"]
    slack.advance(3.5)
    assert await code(web.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"
    assert await code(web.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"


async def test_a_modal_shows_errors_then_closes(slack: SlackServer, app: WebhookReceiver, ann: User) -> None:
    web = client(slack)
    posted = await web.chat_postMessage(channel="#alerts", text="?", blocks=BUTTONS)
    await web.views_open(trigger_id=slack.press(ann.id, posted["ts"], "no")["trigger_id"], view=MODAL)
    view = slack.people.view_of(ann.id)
    with pytest.raises(ValueError, match="required"):
        await slack.submit_view(ann.id, view.id, "", app.url)
    app.script(Answer(body=json.dumps({"response_action": "errors", "errors": {"b": "no"}}).encode()))
    await slack.submit_view(ann.id, view.id, "because", app.url)
    assert (view.open, view.errors) == (True, {"b": "no"})
    await slack.submit_view(ann.id, view.id, {"b": "because"}, app.url)
    assert not view.open
    submitted = payload_of(app.requests[-1].body)
    assert submitted["type"] == "view_submission"
    assert submitted["view"]["state"]["values"]["b"]["a"]["value"] == "because"
    with pytest.raises(LookupError):
        slack.people.view_of(ann.id)


async def test_a_response_url_serves_five_times(slack: SlackServer, ann: User) -> None:
    posted = await client(slack).chat_postMessage(channel="#alerts", text="?", blocks=BUTTONS)
    url = slack.press(ann.id, posted["ts"], "yes")["response_url"]
    late = slack.press(ann.id, posted["ts"], "yes")["response_url"]
    async with httpx2.AsyncClient(trust_env=False) as http:
        answers = [await http.post(url, json={"text": str(number)}) for number in range(6)]
        slack.advance(31 * 60)
        expired = await http.post(late, json={"text": "late"})
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert answers[0].text == "ok"
    assert answers[5].json()["error"] == "used_url"
    assert expired.json()["error"] == "expired_url"
    assert [post.payload["text"] for post in slack.response_posts] == list("01234")
    assert all(whisper.only_for == ann.id for whisper in slack.whispers)


async def test_faults(slack: SlackServer) -> None:
    web = client(slack)
    slack.rate_limit("chat.postMessage", 9)
    error = await refused(web.chat_postMessage(channel="#alerts", text="x"))
    assert (error.response.status_code, error.response.headers["Retry-After"]) == (429, "9")
    slack.script("chat.postMessage", Fault(status=503), Fault("token_revoked"))
    assert (await refused(web.chat_postMessage(channel="#alerts", text="x"))).response.status_code == 503
    assert await code(web.chat_postMessage(channel="#alerts", text="x")) == "token_revoked"
    assert not slack.messages
    slack.cut_after("chat.postMessage")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await web.chat_postMessage(channel="#alerts", text="stored")
    assert [message.text for message in slack.messages] == ["stored"]


async def test_a_held_answer_waits(slack: SlackServer) -> None:
    slack.hold("chat.postMessage")
    posting = asyncio.create_task(client(slack).chat_postMessage(channel="#alerts", text="x"))
    await slack.wait_held()
    assert not posting.done()
    assert len(slack.messages) == 1
    slack.release()
    assert (await posting)["ok"]


async def test_socket_mode(slack: SlackServer, ann: User) -> None:
    web = client(slack)
    assert await code(web.apps_connections_open(app_token=slack.token)) == "not_allowed_token_type"
    posted = await web.chat_postMessage(channel="#alerts", text="?", blocks=BUTTONS)
    socket = SocketModeClient(app_token=slack.app_token, web_client=web)
    seen: list[SocketModeRequest] = []

    async def hear(connection: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        seen.append(request)
        answer = SocketModeResponse(envelope_id=request.envelope_id, payload={"text": "heard"})
        await connection.send_socket_mode_response(answer)

    socket.socket_mode_request_listeners.append(hear)
    try:
        await socket.connect()  # type: ignore[no-untyped-call]
        await slack.wait_connected()
        envelope = await slack.click_over_socket(ann.id, posted["ts"], answer="Reject")
        [ack] = await slack.wait_acks()
        assert (ack.envelope_id, ack.payload) == (envelope, {"text": "heard"})
        assert seen[0].payload["actions"][0]["value"] == "t2"
        slack.sockets.refresh()
        await slack.wait_connected(2)
        slack.sockets.deliver_again(envelope)
        assert [ack.envelope_id for ack in await slack.wait_acks(2)] == [envelope, envelope]
    finally:
        await socket.close()  # type: ignore[no-untyped-call]


def test_as_a_process_it_obeys_its_control_interface() -> None:
    command = [sys.executable, "-m", "certrail_fakes.slack", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            with httpx2.Client(trust_env=False) as http:

                def control(**desired: Any) -> httpx2.Response:
                    return http.post(ready["control"], json=desired)

                ann = control(do="add_user", name="ann", email="ann@example.com").json()["result"]
                bearer = {"Authorization": f"Bearer {ready['token']}"}
                post = {"channel": "#alerts", "text": "?", "blocks": BUTTONS}
                posted = http.post(f"{ready['url']}chat.postMessage", json=post, headers=bearer).json()
                nowhere = "http://127.0.0.1:9/"
                click = {"user": ann["id"], "message_ts": posted["ts"], "callback_url": nowhere}
                assert control(do="click", answer="maybe", **click).status_code == 400
                shown = http.get(ready["control"]).json()
        finally:
            process.terminate()
    assert shown["messages"][0]["ts"] == posted["ts"]
    assert shown["users"][0]["email"] == "ann@example.com"
    assert shown["calls"] == [{"method": "chat.postMessage", "outcome": "ok"}]
