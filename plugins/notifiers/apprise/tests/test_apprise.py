"""The Apprise notifier: the rules of the contract, and what the library really sends."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from certrail_fakes.receiver import WebhookReceiver
from certrail_notifier_apprise import AppriseConfig, AppriseNotifier
from certrail_sdk import Fact, Misconfigured, Notification, Retryable, Severity, Stage
from certrail_sdk.testing import NotifierConformance
from certrail_sdk.testing.canary import LogWatch

PASSWORD = "a-password-nobody-knows"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


def notifier(receiver: WebhookReceiver, *allowed: str) -> AppriseNotifier:
    url = f"json://certrail:{PASSWORD}@127.0.0.1:{receiver.port}/hook"
    return AppriseNotifier(AppriseConfig.parse({"url": url, "allowed_hosts": allowed}))


def message(**changes: object) -> Notification:
    values: dict[str, object] = {
        "id": "ntf-1",
        "event_type": "certificate.expiring",
        "occurred_at": datetime(2026, 3, 1, tzinfo=UTC),
        "severity": Severity.WARNING,
        "title": "Certificate ends soon: api.example.com",
        "summary": "In payments.",
        "facts": (Fact(label="Ends in", value="3 days"),),
        "link": "https://certrail.example.org/",
    }
    return Notification.model_validate({**values, **changes})


class TestApprise(NotifierConformance):
    @pytest.fixture
    def build(self, receiver: WebhookReceiver) -> Callable[[], AppriseNotifier]:
        return lambda: notifier(receiver, "127.0.0.1")

    @pytest.fixture
    def broken(self, receiver: WebhookReceiver) -> AppriseNotifier:
        """Without an exemption: the receiver's address is a private one."""
        return notifier(receiver)


async def test_what_arrives(receiver: WebhookReceiver) -> None:
    await notifier(receiver, "127.0.0.1").send(message())
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert (body["title"], body["type"]) == ("Certificate ends soon: api.example.com", "warning")
    assert body["message"].splitlines() == [
        "In payments.",
        "Ends in: 3 days",
        "https://certrail.example.org/",
    ]


async def test_text_is_declared_as_text_to_a_service_that_speaks_html(receiver: WebhookReceiver) -> None:
    url = f"json://127.0.0.1:{receiver.port}/hook?format=html"
    html = AppriseNotifier(AppriseConfig.parse({"url": url, "allowed_hosts": ["127.0.0.1"]}))
    link = '<a href="https://evil.example">renew here</a>'
    await html.send(message(facts=(Fact(label="Comment", value=link),)))
    body = json.loads(receiver.requests[0].body)["message"]
    assert "<a " not in body, "what somebody wrote does not become a link"
    assert body.count("<br") == 2, "each fact keeps its line"


async def test_the_end_of_failure_is_a_success(receiver: WebhookReceiver) -> None:
    await notifier(receiver, "127.0.0.1").send(message(incident="lineage", stage=Stage.CLOSED))
    assert json.loads(receiver.requests[0].body)["type"] == "success"


async def test_a_refusal_is_tried_again_and_keeps_the_url_secret(
    receiver: WebhookReceiver, everything_logged: LogWatch
) -> None:
    receiver.script(500)
    with pytest.raises(Retryable, match="did not take the message") as raised:
        await notifier(receiver, "127.0.0.1").send(message())
    assert PASSWORD not in f"{raised.value!r} {everything_logged.text()}"


async def test_the_check_sends_nothing(receiver: WebhookReceiver) -> None:
    await notifier(receiver, "127.0.0.1").check()
    assert not receiver.requests
    with pytest.raises(Misconfigured, match="not public"):
        await notifier(receiver).check()


@pytest.mark.parametrize("url", ["nonsense", "unknown://host", "dbus://", "syslog://", "mailto://"])
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        AppriseConfig.parse({"url": url})


SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
NOSTR = f"nostr://{'a' * 64}/{'b' * 64}"


@pytest.mark.parametrize(
    "url",
    [
        f"{NOSTR}?relay=10.0.0.1",
        f"{NOSTR}?Blossom=10.0.0.1",
        "mailto://me:pw@example.com?pgppub=http://10.0.0.1/key",
        "vapid://me@example.com/you@example.com?keyfile=/etc/passwd",
        "fcm://project@device/?mode=oauth2&keyfile=/etc/passwd",
        f"{SLACK}?template=/etc/passwd",
        f"{SLACK}?template=http://10.0.0.1/",
    ],
)
def test_nobody_has_the_worker_look_elsewhere(url: str) -> None:
    with pytest.raises(ValidationError, match=r"leave (it|that) out"):
        AppriseConfig.parse({"url": url})


@pytest.mark.parametrize("server", ["10.0.0.1", "127.0.0.1"])
async def test_the_server_of_a_parameter_must_be_public_too(server: str) -> None:
    # The domain is one that is allowed: nothing but the server can be refused.
    url = f"mailto://me:pw@example.com?smtp={server}"
    beside = AppriseConfig.parse({"url": url, "allowed_hosts": ["example.com"]})
    with pytest.raises(Misconfigured, match="not public"):
        await AppriseNotifier(beside).check()
    named = AppriseConfig.parse({"url": url, "allowed_hosts": ["example.com", server]})
    await AppriseNotifier(named).check()


async def test_redirects_are_not_followed(receiver: WebhookReceiver) -> None:
    receiver.redirect(f"http://127.0.0.1:{receiver.port}/elsewhere")
    url = f"json://127.0.0.1:{receiver.port}/hook?redirect=yes"
    config = AppriseConfig.parse({"url": url, "allowed_hosts": ["127.0.0.1"]})
    with pytest.raises(Retryable):
        await AppriseNotifier(config).send(message())
    (request,) = receiver.requests
    assert request.path == "/hook"


def test_the_url_is_a_secret_altogether() -> None:
    config = AppriseConfig.parse({"url": f"json://me:{PASSWORD}@example.com"})
    assert "example.com" not in repr(config)


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
    ],
)
async def test_tokens_are_not_looked_up_as_hosts(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_arguments: object) -> None:
        raise AssertionError("a token was handed to a resolver")

    monkeypatch.setattr("certrail_notifier_apprise.notifier.resolve_public", never)
    await AppriseNotifier(AppriseConfig.parse({"url": url})).check()
