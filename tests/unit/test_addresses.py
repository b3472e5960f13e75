"""Which addresses are connected to."""

import ipaddress

import pytest

from certrail.domain.endpoints.addresses import is_allowed

REFUSED = (
    "127.0.0.1",
    "127.8.9.10",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::1",
)


@pytest.mark.parametrize("text", REFUSED)
def test_special_purpose_addresses_are_refused(text: str) -> None:
    assert not is_allowed(ipaddress.ip_address(text), ())


@pytest.mark.parametrize(
    "text", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"]
)
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_allowed(ipaddress.ip_address(text), ())


def test_a_network_is_allowed_by_name_only() -> None:
    allowed = ("10.20.0.0/16", "fd00:1::/32")
    assert is_allowed(ipaddress.ip_address("10.20.3.4"), allowed)
    assert is_allowed(ipaddress.ip_address("fd00:1::5"), allowed)
    assert is_allowed(ipaddress.ip_address("::ffff:10.20.3.4"), allowed)
    assert not is_allowed(ipaddress.ip_address("10.21.3.4"), allowed)
    assert not is_allowed(ipaddress.ip_address("127.0.0.1"), allowed)
