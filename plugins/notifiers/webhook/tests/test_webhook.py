"""The webhook notifier against a receiver that keeps everything."""

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_notifier_webhook import Webhook, WebhookConfig, certrail_notifiers
from certrail_sdk import (
    Fact,
    Misconfigured,
    Notification,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Unauthorized,
    connection_fields,
    secret_fields,
)
from certrail_sdk.http import is_public
from certrail_standins.receiver import Answer, WebhookReceiver

SECRET = "a-signing-secret-nobody-knows"
README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


@pytest.fixture
async def tls_receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver(tls=True, names=("receiver.test",)) as running:
        yield running


def webhook(receiver: WebhookReceiver, **changes: object) -> Webhook:
    values: dict[str, object] = {
        "url": receiver.url,
        "signing_secret": SECRET,
        "allowed_hosts": ["127.0.0.1"],
        "timeout_seconds": 5,
    }
    return Webhook(WebhookConfig.parse({**values, **changes}))


def notification(**changes: object) -> Notification:
    values: dict[str, object] = {
        "id": "ntf-1",
        "event_type": "certificate.issued",
        "occurred_at": datetime(2026, 3, 1, 13, 30, tzinfo=timezone(timedelta(hours=1))),
        "title": "api.example.com was issued",
        "summary": "Valid for 90 days.",
        "facts": (Fact(label="Serial", value="0a1b"),),
        "source": "/applications/payments",
        "application": "payments",
        "data": {"certificate": "crt-1", "names": ["api.example.com"], "title": "not this one"},
    }
    return Notification.model_validate({**values, **changes})


def documented_verify() -> Callable[[str, str, bytes, float], bool]:
    """The example of the README, as a receiver would copy it."""
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert code
    namespace: dict[str, Any] = {}
    exec(code[1], namespace)
    verify: Callable[[str, str, bytes, float], bool] = namespace["verify"]
    return verify


def resolving(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Let host names lead to these addresses, one list per look-up; returns the names asked for."""
    asked: list[str] = []

    async def getaddrinfo(self: object, host: str, port: int, **options: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


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
        (404, Permanent),
        (408, Retryable),
        (410, Permanent),
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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]"])
async def test_an_inside_host_is_never_contacted(host: str) -> None:
    async with WebhookReceiver(tls=True) as receiver:
        hook = webhook(receiver, url=f"https://{host}:{receiver.port}/hook", allowed_hosts=[])
        with pytest.raises(Misconfigured, match="does not lead to public addresses") as caught:
            await hook.check()
        assert caught.value.field == "url"
        assert receiver.requests == []


async def test_one_private_address_among_public_ones_is_enough_to_refuse(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, [["8.8.8.8", "10.0.0.1"]])
    with pytest.raises(Misconfigured, match=r"receiver\.test does not lead") as caught:
        await webhook(receiver, url="https://receiver.test/", allowed_hosts=[]).send(notification())
    assert "10.0.0.1" not in str(caught.value)


async def test_the_connection_goes_to_the_address_that_was_checked(
    tls_receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, [["127.0.0.1"]])
    url = f"https://receiver.test:{tls_receiver.port}/hook"
    await webhook(tls_receiver, url=url, allowed_hosts=["Receiver.test"], ca_file=tls_receiver.ca_file).send(
        notification()
    )

    [request] = await tls_receiver.wait_for(1)
    assert asked == ["receiver.test"]
    assert request.headers["host"] == f"receiver.test:{tls_receiver.port}"


async def test_the_next_address_is_used_when_the_first_refuses(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, [["127.0.0.2", "127.0.0.1"]])
    url = f"http://receiver.test:{receiver.port}/hook"
    await webhook(receiver, url=url, allowed_hosts=["receiver.test"]).send(notification())
    assert len(receiver.requests) == 1


async def test_a_certificate_for_another_name_is_refused(tls_receiver: WebhookReceiver) -> None:
    with pytest.raises(Misconfigured, match=r"certificate of 127\.0\.0\.1") as caught:
        await webhook(tls_receiver, ca_file=tls_receiver.ca_file).send(notification())
    assert caught.value.field == "url"
    assert tls_receiver.requests == []


async def test_a_certificate_of_an_unknown_ca_is_refused(
    tls_receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, [["127.0.0.1"]])
    url = f"https://receiver.test:{tls_receiver.port}/hook"
    with pytest.raises(Misconfigured, match=r"certificate of receiver\.test"):
        await webhook(tls_receiver, url=url, allowed_hosts=["receiver.test"]).check()


async def test_a_ca_file_that_is_none_is_told(receiver: WebhookReceiver) -> None:
    with pytest.raises(Misconfigured) as caught:
        await webhook(receiver, ca_file="/nowhere/ca.pem").check()
    assert caught.value.field == "ca_file"


async def test_a_name_that_cannot_be_resolved_is_tried_again(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def getaddrinfo(self: object, host: str, port: int, **options: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    with pytest.raises(Retryable, match=r"receiver\.test"):
        await webhook(receiver, url="https://receiver.test/").send(notification())


async def test_a_name_that_is_none_is_told_not_raised(receiver: WebhookReceiver) -> None:
    with pytest.raises(Retryable, match="is no host name"):
        await webhook(receiver, url=f"https://{'a' * 64}.test/").send(notification())


async def test_proxies_of_the_environment_are_not_used(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with WebhookReceiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await webhook(receiver).send(notification())
        assert proxy.requests == []
    assert len(receiver.requests) == 1


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


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


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
    assert secret_fields(WebhookConfig) == {"signing_secret"}
    assert connection_fields(WebhookConfig) == {"url", "signing_secret", "ca_file", "allowed_hosts"}
    assert certrail_notifiers() == [Webhook]
    assert notification().occurred_at.astimezone(UTC).hour == 12
