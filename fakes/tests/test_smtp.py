"""The mail server stand-in against the client of the standard library."""

import asyncio
import json
import smtplib
import socket
import ssl
import subprocess
import sys
from email.message import EmailMessage
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from certrail_fakes.smtp import SmtpServer, is_gone


def mail(message_id: str = "<1@example.org>") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message["Subject"], message["Message-ID"] = "Hello", message_id
    message.set_content("Good morning")
    return message


def send(server: SmtpServer, message: EmailMessage, *, login: tuple[str, str] | None = None) -> None:
    with smtplib.SMTP(server.host, server.port, timeout=5) as client:
        if login:
            client.starttls(context=ssl.create_default_context(cafile=server.ca_file))
            client.login(*login)
        client.send_message(message)


async def test_it_keeps_what_it_accepts() -> None:
    async with SmtpServer() as server:
        await asyncio.to_thread(send, server, mail())
        [kept] = await server.wait_for(1)
    assert kept.recipients == ("b@example.org",)
    assert kept.part("text/plain").strip() == "Good morning"
    assert not kept.encrypted
    assert list(server.by_message_id()) == ["<1@example.org>"]


async def test_it_asks_for_tls_and_the_right_password() -> None:
    async with SmtpServer(require_tls=True, credentials=("u", "p")) as server:
        with pytest.raises(smtplib.SMTPSenderRefused) as unencrypted:
            await asyncio.to_thread(send, server, mail())
        with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
            await asyncio.to_thread(send, server, mail(), login=("u", "q"))
        await asyncio.to_thread(send, server, mail(), login=("u", "p"))
    assert (unencrypted.value.smtp_code, wrong.value.smtp_code) == (530, 535)
    assert [(kept.user, kept.encrypted) for kept in server.mails] == [("u", True)]


async def test_it_refuses_the_users_that_it_is_configured_to() -> None:
    async with SmtpServer() as server:
        server.refusals["b@example.org"] = "451 4.2.1 Busy"
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            await asyncio.to_thread(send, server, mail())
        server.unavailable = True
        with pytest.raises(smtplib.SMTPConnectError) as closed:
            await asyncio.to_thread(send, server, mail())
    assert caught.value.recipients["b@example.org"] == (451, b"4.2.1 Busy")
    assert closed.value.smtp_code == 421
    assert server.mails == []


async def test_it_holds_mail_until_released() -> None:
    async with SmtpServer() as server:
        server.hold()
        sending = asyncio.create_task(asyncio.to_thread(send, server, mail()))
        await server.wait_held()
        assert server.mails == []
        server.release()
        await sending
        assert len(await server.wait_for(1)) == 1


async def test_a_held_mail_of_a_killed_sender_is_dropped() -> None:
    async with SmtpServer() as server:
        server.hold()
        with socket.create_connection((server.host, server.port)) as sender, sender.makefile("rw") as lines:
            lines.readline()
            for line in ("HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA"):
                print(line, end="\r\n", file=lines, flush=True)
                lines.readline()
            print("Good morning\r\n.", end="\r\n", file=lines, flush=True)
            await server.wait_held()
        server.release()
        await asyncio.to_thread(send, server, mail("<2@example.org>"))
        assert list(server.by_message_id()) == ["<2@example.org>"]


def test_a_sender_is_gone_before_the_event_loop_hears_of_it() -> None:
    ours, theirs = socket.socketpair()
    transport = SimpleNamespace(is_closing=lambda: False, get_extra_info=lambda _name: ours)
    with ours:
        assert not is_gone(transport)  # type: ignore[arg-type]
        theirs.close()
        assert is_gone(transport)  # type: ignore[arg-type]


async def test_stopping_does_not_accept_what_is_held() -> None:
    async with SmtpServer() as server:
        server.hold()
        sending = asyncio.create_task(asyncio.to_thread(send, server, mail()))
        await server.wait_held()
    with pytest.raises((smtplib.SMTPException, OSError)):
        await sending
    assert server.mails == []


async def test_waiting_in_vain_says_how_many_came() -> None:
    async with SmtpServer() as server:
        with pytest.raises(TimeoutError, match="0 of 1"):
            await server.wait_for(1, timeout=0.01)


def test_as_a_process_it_shows_the_mails_over_http() -> None:
    command = [sys.executable, "-m", "certrail_fakes.smtp", "--port", "0", "--http-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            with smtplib.SMTP(ready["host"], ready["port"], timeout=5) as client:
                client.send_message(mail("<2@example.org>"))
            with urlopen(ready["messages"], timeout=5) as answer:
                [shown] = json.load(answer)
        finally:
            process.terminate()
    assert shown["message_id"] == "<2@example.org>"
    assert shown["subject"] == "Hello"
    assert shown["text"].strip() == "Good morning"
