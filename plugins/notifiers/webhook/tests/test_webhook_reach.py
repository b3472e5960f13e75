"""Where the webhook notifier connects to, and where it never does."""

import asyncio
import socket
from typing import Any

import pytest

from certrail_fakes.receiver import WebhookReceiver
from certrail_sdk import Misconfigured, Retryable
from certrail_sdk.http import is_public

from .posting import notification, webhook


def resolving(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Let host names lead to these addresses, one list per look-up; returns the names asked for."""
    asked: list[str] = []

    async def getaddrinfo(self: object, host: str, port: int, **options: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


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


async def test_a_ca_file_that_is_none_is_reported(receiver: WebhookReceiver) -> None:
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


async def test_a_name_that_is_none_is_reported_not_raised(receiver: WebhookReceiver) -> None:
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
        "168.63.129.16",
        "64:ff9b::a83f:8110",
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
