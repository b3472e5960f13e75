"""The e-mail notifier against a strict mail server."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from certrail_fakes.smtp import SmtpServer
from certrail_notifier_email import Email, EmailConfig, certrail_notifiers
from certrail_notifier_email.message import compose
from certrail_sdk import (
    Fact,
    Misconfigured,
    Notification,
    Permanent,
    PluginError,
    Retryable,
    Severity,
    Unauthorized,
    connection_fields,
    secret_fields,
)

PASSWORD = "correct horse battery staple"
ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    async with SmtpServer(require_tls=True, credentials=("certrail", PASSWORD)) as running:
        yield running


@pytest.fixture
async def plain() -> AsyncIterator[SmtpServer]:
    async with SmtpServer(security="none") as running:
        yield running


def config(server: SmtpServer, **changes: object) -> EmailConfig:
    values: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "username": "certrail",
        "password": PASSWORD,
        "ca_file": server.ca_file,
        "timeout_seconds": 5,
        "sender": "certrail@example.org",
        "recipients": [ANN, BOB],
    }
    return EmailConfig.parse({**values, **changes})


def plain_config(server: SmtpServer, **changes: object) -> EmailConfig:
    return config(server, security="none", username=None, password=None, ca_file=None, **changes)


def notification(**changes: object) -> Notification:
    values: dict[str, object] = {
        "id": "ntf-1",
        "event_type": "certificate.expiring",
        "occurred_at": datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        "severity": Severity.WARNING,
        "title": "api.example.com expires in 7 days",
        "summary": "Renewal failed <twice> & needs a look.\nSee the facts.",
        "facts": (Fact(label="Serial", value="0a1b"), Fact(label="Profile", value="web \u2013 Z\u00fcrich")),
        "source": "/applications/payments",
        "application": "payments",
        "link": "https://certrail.example.org/certificates/1?a=1&b=2",
    }
    return Notification.model_validate({**values, **changes})


async def test_everybody_gets_one_encrypted_mail_with_text_and_html(server: SmtpServer) -> None:
    sent = await Email(config(server, reply_to="pki@example.org")).send(notification())

    [mail] = await server.wait_for(1)
    assert mail.encrypted
    assert mail.user == "certrail"
    assert mail.recipients == (ANN, BOB)
    assert [(each.address, each.accepted) for each in sent.recipients] == [(ANN, True), (BOB, True)]
    assert sent.reference == mail.message_id
    assert mail.message["Subject"] == "[certrail] api.example.com expires in 7 days"
    assert mail.message["Reply-To"] == "pki@example.org"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["X-Certrail-Event"] == "certificate.expiring"
    assert mail.message["Date"].datetime == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]


async def test_text_and_html_say_the_same(server: SmtpServer) -> None:
    await Email(config(server)).send(notification())

    [mail] = await server.wait_for(1)
    text, html = mail.part("text/plain"), mail.part("text/html")
    assert "Renewal failed <twice> & needs a look." in text
    assert "Serial:  0a1b" in text
    assert "https://certrail.example.org/certificates/1?a=1&b=2" in text
    assert "Renewal failed &lt;twice&gt; &amp; needs a look.<br>See the facts." in html
    assert "web \u2013 Z\u00fcrich" in html
    assert 'href="https://certrail.example.org/certificates/1?a=1&amp;b=2"' in html


async def test_a_repeated_mail_is_recognised_by_its_message_id(server: SmtpServer) -> None:
    await Email(config(server)).send(notification())
    await Email(config(server, recipients=[BOB, ANN])).send(notification(may_exist=True))
    await Email(config(server, recipients=[EVE])).send(notification())
    await Email(config(server)).send(notification(id="ntf-2"))

    await server.wait_for(4)
    assert sorted(len(copies) for copies in server.by_message_id().values()) == [1, 1, 2]


def test_composing_twice_gives_the_same_bytes(plain: SmtpServer) -> None:
    first, second = (compose(plain_config(plain), notification()).as_bytes() for _ in range(2))
    assert first == second
    assert first.isascii()


async def test_a_long_message_id_and_many_recipients_survive_the_journey(plain: SmtpServer) -> None:
    everybody = [f"somebody.with.a.long.name.{n}@department.example.com" for n in range(50)]
    sender = "certrail@mail.a-rather-long-subdomain-name.of-a-long-organisation-name.example.org"
    sent = await Email(plain_config(plain, recipients=everybody, sender=sender)).send(notification())

    [mail] = await plain.wait_for(1)
    assert mail.message_id == sent.reference
    assert mail.recipients == tuple(everybody)
    assert [address.addr_spec for address in mail.message["To"].addresses] == everybody


async def test_line_breaks_in_a_title_cannot_add_headers(plain: SmtpServer) -> None:
    evil = notification(title="Hello\r\nBcc: eve@example.com\r\n\r\nBody", event_type="a.b\nX-Evil: 1")
    await Email(plain_config(plain)).send(evil)

    [mail] = await plain.wait_for(1)
    assert mail.message["Bcc"] is None
    assert mail.message["X-Evil"] is None
    assert mail.message["Subject"] == "[certrail] Hello Bcc: eve@example.com Body"


@pytest.mark.parametrize("answer", ["550 5.1.1 No such user", "451 4.2.1 Mailbox busy"])
async def test_one_refused_recipient_is_reported_and_the_others_are_served(
    plain: SmtpServer, answer: str
) -> None:
    plain.refusals[BOB] = answer
    sent = await Email(plain_config(plain)).send(notification())

    assert [(each.address, each.accepted) for each in sent.recipients] == [(ANN, True), (BOB, False)]
    assert sent.recipients[1].detail == answer
    [mail] = await plain.wait_for(1)
    assert mail.recipients == (ANN,)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("550 5.1.1 No such user", "550 5.7.1 Refused"), Permanent),
        (("451 4.2.1 Busy", "452 4.2.2 Full"), Retryable),
        (("550 5.1.1 No such user", "451 4.2.1 Busy"), Retryable),
        (("421 4.3.2 Closing", "421 4.3.2 Closing"), Retryable),
    ],
)
async def test_when_nobody_is_served_the_codes_decide(
    plain: SmtpServer, answers: tuple[str, str], expected: type[PluginError]
) -> None:
    plain.refusals.update(zip((ANN, BOB), answers, strict=True))
    with pytest.raises(expected) as caught:
        await Email(plain_config(plain)).send(notification())
    assert type(caught.value) is expected
    assert plain.mails == []


@pytest.mark.parametrize(
    ("answer", "expected"), [("554 5.6.0 Content refused", Permanent), ("452 4.3.1 Disk full", Retryable)]
)
async def test_an_answer_to_the_content_decides(
    plain: SmtpServer, answer: str, expected: type[PluginError]
) -> None:
    plain.data_answer = answer
    with pytest.raises(expected, match=answer):
        await Email(plain_config(plain)).send(notification())


async def test_an_answer_of_many_lines_becomes_one(plain: SmtpServer) -> None:
    plain.refusals[BOB] = "550-First line\r\n550 " + "long " * 100
    sent = await Email(plain_config(plain)).send(notification())
    assert sent.recipients[1].detail.startswith("550 First line long long")
    assert len(sent.recipients[1].detail) == 200


async def test_a_server_that_is_not_available_is_tried_again(plain: SmtpServer) -> None:
    plain.unavailable = True
    with pytest.raises(Retryable, match="421"):
        await Email(plain_config(plain)).send(notification())


async def test_nobody_listening_is_tried_again(plain: SmtpServer) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(Retryable, match="cannot be talked to"):
            await Email(plain_config(plain, port=reserved.getsockname()[1])).check()


async def test_a_silent_server_is_tried_again(plain: SmtpServer) -> None:
    plain.hold()
    with pytest.raises(Retryable):
        await Email(plain_config(plain, timeout_seconds=1)).send(notification())


async def test_a_cancelled_send_ends_at_once_and_can_be_repeated(plain: SmtpServer) -> None:
    plain.hold()
    task = asyncio.create_task(Email(plain_config(plain)).send(notification()))
    await plain.wait_held()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    plain.release()

    await Email(plain_config(plain)).send(notification(may_exist=True))
    await plain.wait_for(1)
    assert len(plain.by_message_id()) == 1


async def test_a_wrong_password_is_reported_without_the_password(
    server: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "not-the-password-at-all"
    with pytest.raises(Unauthorized, match="535") as caught:
        await Email(config(server, password=wrong)).check()
    assert wrong not in repr(caught.value)
    assert wrong not in caplog.text
    assert wrong not in repr(config(server, password=wrong))


async def test_missing_credentials_are_reported(server: SmtpServer) -> None:
    with pytest.raises(Unauthorized, match="530"):
        await Email(config(server, username=None, password=None)).send(notification())


async def test_a_server_without_starttls_gets_no_password(plain: SmtpServer) -> None:
    with pytest.raises(Misconfigured, match="STARTTLS") as caught:
        await Email(config(plain)).check()
    assert caught.value.field == "security"


async def test_an_unknown_ca_is_refused(server: SmtpServer) -> None:
    with pytest.raises(Misconfigured) as caught:
        await Email(config(server, ca_file=None)).check()
    assert caught.value.field == "ca_file"


async def test_a_ca_file_that_is_none_is_reported(server: SmtpServer) -> None:
    with pytest.raises(Misconfigured) as caught:
        await Email(config(server, ca_file="/nowhere/ca.pem")).check()
    assert caught.value.field == "ca_file"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_name_is_refused(security: str) -> None:
    async with SmtpServer(security=security, names=("other.example",)) as server:  # type: ignore[arg-type]
        with pytest.raises(Misconfigured) as caught:
            await Email(config(server, security=security)).check()
    assert caught.value.field == "host"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_tls_from_the_first_byte() -> None:
    async with SmtpServer(security="tls", credentials=("certrail", PASSWORD)) as server:
        await Email(config(server, security="tls")).send(notification())
        [mail] = await server.wait_for(1)
    assert mail.encrypted


async def test_check_sends_nothing(server: SmtpServer) -> None:
    await Email(config(server)).check()
    assert server.sessions == 1
    assert server.mails == []


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": []},
        {"recipients": [f"a{n}@example.com" for n in range(51)]},
        {"recipients": ["ann@example.com", "ANN@example.com"]},
        {"recipients": ["ann@example.com\nBcc: eve@example.com"]},
        {"recipients": ["ann@example.com\n"]},
        {"recipients": ["Ann <ann@example.com>"]},
        {"recipients": ["ann@example.com, bob@example.com"]},
        {"sender": "nobody"},
        {"reply_to": "a@b@c"},
        {"host": "mail.example.com\r\nQUIT"},
        {"username": "certrail", "password": None},
        {"security": "none", "host": "mail.example.com"},
        {"unknown": 1},
    ],
)
def test_a_wrong_configuration_is_refused(plain: SmtpServer, changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        config(plain, **changes)


def test_usual_ports_and_field_kinds(plain: SmtpServer) -> None:
    assert config(plain, port=None).effective_port == 587
    assert config(plain, port=None, security="tls").effective_port == 465
    assert secret_fields(EmailConfig) == {"password"}
    assert {"host", "username", "password"} <= connection_fields(EmailConfig)
    assert "sender" not in connection_fields(EmailConfig)
    assert certrail_notifiers() == [Email]
