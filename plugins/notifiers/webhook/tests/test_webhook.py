"""The webhook notifier against a receiver that keeps everything."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_fakes.receiver import Answer, WebhookReceiver
from certrail_notifier_webhook import Webhook, WebhookConfig, certrail_notifiers
from certrail_sdk import (
    Misconfigured,
    NotFound,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Unauthorized,
    connection_fields,
    secret_fields,
)

from .posting import README, SECRET, notification, webhook


def documented_verify() -> Callable[[str, str, bytes, float], bool]:
    """The example of the README, as a receiver would copy it."""
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert code
    namespace: dict[str, Any] = {}
    exec(code[1], namespace)
    verify: Callable[[str, str, bytes, float], bool] = namespace["verify"]
    return verify


async def test_an_event_arrives_as_a_structured_cloudevent(receiver: WebhookReceiver) -> None:
    sent = await webhook(receiver).send(notification())

    [request] = await receiver.wait_for(1)
    assert sent.reference == "ntf-1"
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert json.loads(request.body) == {
        "specversion": "1.0",
        "id": "ntf-1",
        "source": "/applications/payments",
        "subject": "payments",
        "type": "io.certrail.certificate.issued",
        "time": "2026-03-01T12:30:00Z",
        "datacontenttype": "application/json",
        "data": {
            "title": "api.example.com was issued",
            "summary": "Valid for 90 days.",
            "severity": "info",
            "facts": [{"label": "Serial", "value": "0a1b"}],
            "application": "payments",
            "link": None,
            "certificate": "crt-1",
            "names": ["api.example.com"],
        },
    }


async def test_a_repeat_has_the_same_body(receiver: WebhookReceiver) -> None:
    await webhook(receiver).send(notification())
    await webhook(receiver).send(notification(may_exist=True))
    first, second = await receiver.wait_for(2)
    assert first.body == second.body


async def test_receivers_verify_with_the_documented_code(receiver: WebhookReceiver) -> None:
    await webhook(receiver).send(notification())
    [request] = await receiver.wait_for(1)
    header, verify, now = request.headers["x-certrail-signature"], documented_verify(), time.time()

    assert verify(SECRET, header, request.body, now)
    assert not verify("another-secret", header, request.body, now)
    assert not verify(SECRET, header, request.body + b" ", now)
    assert not verify(SECRET, header, request.body, now + 301)
    assert not verify(SECRET, header.replace("t=", "t=1"), request.body, now)
    for broken in ("", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=zz"):
        assert not verify(SECRET, broken, request.body, now)


async def test_without_a_secret_nothing_is_signed(receiver: WebhookReceiver) -> None:
    await webhook(receiver, signing_secret=None).send(notification())
    [request] = await receiver.wait_for(1)
    assert "x-certrail-signature" not in request.headers


async def test_check_posts_a_signed_ping(receiver: WebhookReceiver) -> None:
    await webhook(receiver).check()
    [request] = await receiver.wait_for(1)
    assert json.loads(request.body)["type"] == "io.certrail.ping"
    assert documented_verify()(SECRET, request.headers["x-certrail-signature"], request.body, time.time())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Permanent),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (408, Retryable),
        (410, NotFound),
        (429, RateLimited),
        (500, Retryable),
        (503, Retryable),
    ],
)
async def test_the_status_decides(
    receiver: WebhookReceiver, status: int, expected: type[PluginError]
) -> None:
    receiver.script(Answer(status, body=b"because\r\nI say so"))
    with pytest.raises(expected, match=f"127.0.0.1 answered {status}: because I say so") as caught:
        await webhook(receiver).send(notification())
    assert type(caught.value) is expected
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999999", 86400, 86400),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
        ("in two minutes", 110, 120),
    ],
)
async def test_a_pause_that_was_asked_for_is_kept(
    receiver: WebhookReceiver, status: int, header: str, least: int, most: int
) -> None:
    header = formatdate(time.time() + 120, usegmt=True) if header == "in two minutes" else header
    receiver.script(Answer(status, {"Retry-After": header}))
    with pytest.raises(RateLimited) as caught:
        await webhook(receiver).send(notification())
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after.total_seconds() <= most


async def test_a_pause_that_cannot_be_read_is_none(receiver: WebhookReceiver) -> None:
    receiver.script(Answer(429, {"Retry-After": "soon"}))
    with pytest.raises(RateLimited) as caught:
        await webhook(receiver).send(notification())
    assert caught.value.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(receiver: WebhookReceiver, status: int) -> None:
    receiver.redirect(receiver.url, status)
    with pytest.raises(Misconfigured, match="redirects are not followed") as caught:
        await webhook(receiver).send(notification())
    assert caught.value.field == "url"
    assert len(receiver.requests) == 1


async def test_a_slow_receiver_is_tried_again(receiver: WebhookReceiver) -> None:
    receiver.script(Answer(hold=True))
    with pytest.raises(Retryable, match=r"127\.0\.0\.1"):
        await webhook(receiver, timeout_seconds=1).send(notification())


async def test_a_receiver_that_hangs_up_is_tried_again(receiver: WebhookReceiver) -> None:
    receiver.script(Answer(cut="before"))
    with pytest.raises(Retryable):
        await webhook(receiver).send(notification())


async def test_a_broken_body_does_not_hide_the_status(receiver: WebhookReceiver) -> None:
    receiver.script(Answer(200, body=b"half", cut="within"), Answer(410, body=b"half", cut="within"))
    await webhook(receiver).send(notification())
    with pytest.raises(Permanent, match="410"):
        await webhook(receiver).send(notification())


async def test_a_huge_answer_is_cut_short(receiver: WebhookReceiver) -> None:
    receiver.script(Answer(400, body=b"x" * 5_000_000))
    with pytest.raises(Permanent) as caught:
        await webhook(receiver).send(notification())
    assert len(str(caught.value)) < 300


async def test_a_cancelled_send_ends_at_once(receiver: WebhookReceiver) -> None:
    receiver.script(Answer(hold=True))
    task = asyncio.create_task(webhook(receiver).send(notification()))
    await receiver.wait_for(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)


async def test_neither_secret_nor_path_is_logged(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.script(500)
    hook = webhook(receiver, url=f"{receiver.url}/token-in-the-path")
    with pytest.raises(Retryable) as caught:
        await hook.send(notification())
    for text in (caplog.text, repr(caught.value), repr(hook), repr(hook.config)):
        assert SECRET not in text
    assert "token-in-the-path" not in caplog.text + repr(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://example.com/hook"},
        {"url": "ftp://example.com/hook"},
        {"url": "/hook"},
        {"url": "https://"},
        {"url": "https://user:password@example.com/"},
        {"url": "https://example.com/#part"},
        {"url": "https://example.com:99999/"},
        {"url": "https://example.com:0/"},
        {"url": "https://example.com/\r\nX: y"},
        {"signing_secret": "x" * 257},
        {"signing_secret": "short"},
        {"timeout_seconds": 31},
        {"unknown": 1},
    ],
)
def test_a_wrong_configuration_is_refused_without_showing_it(
    receiver: WebhookReceiver, changes: dict[str, object]
) -> None:
    with pytest.raises(ValidationError) as caught:
        webhook(receiver, **changes)
    assert "password@" not in str(caught.value)


def test_field_kinds() -> None:
    assert secret_fields(WebhookConfig) == {"url", "signing_secret"}
    assert connection_fields(WebhookConfig) == {"url", "signing_secret", "ca_file", "allowed_hosts"}
    assert certrail_notifiers() == [Webhook]
    assert notification().occurred_at.astimezone(UTC).hour == 12
