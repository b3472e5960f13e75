"""What a probe sees of services on loopback, and where it does not go (SSRF)."""

import hashlib
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.tls_server import TlsServer

from certrail.domain.endpoints.probes import Endpoint, ProbeProtocol
from certrail.network import handshake
from certrail.network.handshake import look
from certrail_fakes.dns import DnsServer, dns_server
from certrail_fakes.smtp import SmtpServer
from certrail_fakes.tls import ThrowAwayCa

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture(scope="module")
def ca() -> ThrowAwayCa:
    return ThrowAwayCa()


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with dns_server() as server:
        yield server


def presenting(server: TlsServer, ca: ThrowAwayCa, *names: str) -> str:
    """The fingerprint of the certificate that a server presents from now on, with that of its authority."""
    ca.server_context(*names)
    text = Path(ca.ca_file).with_name("server.pem").read_text()
    key, _, certificate = text.partition("-----BEGIN CERTIFICATE-----")
    pem = f"-----BEGIN CERTIFICATE-----{certificate}"
    server.present(pem, ca.certificate_pem, key)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.mark.parametrize("protocol", ["tls", "imap", "postgresql"])
async def test_leaf_and_chain_are_read_without_trusting_anything(
    protocol: str, tmp_path: Path, ca: ThrowAwayCa
) -> None:
    with TlsServer(tmp_path, protocol) as server:
        fingerprint = presenting(server, ca, "www.example.com")
        seen = await look(Endpoint(protocol, "127.0.0.1", server.port, "www.example.com"), LOOPBACK)
    assert seen.reason == ""
    leaf, issuer = seen.certificates
    assert hashlib.sha256(leaf).hexdigest() == fingerprint
    assert issuer == ssl.PEM_cert_to_DER_cert(ca.certificate_pem)
    assert server.names == ["www.example.com"]


async def test_without_a_server_name_none_is_sent(tmp_path: Path, ca: ThrowAwayCa) -> None:
    with TlsServer(tmp_path) as server:
        presenting(server, ca)
        assert (await look(Endpoint("tls", "127.0.0.1", server.port, ""), LOOPBACK)).certificates
    assert server.names == [None]


async def test_a_mail_server_begins_tls() -> None:
    async with SmtpServer(names=("mail.example.com",)) as server:
        seen = await look(Endpoint("smtp", "127.0.0.1", server.port, "mail.example.com"), LOOPBACK)
    assert len(seen.certificates) == 1
    async with SmtpServer(security="none") as server:
        seen = await look(Endpoint("smtp", "127.0.0.1", server.port, ""), LOOPBACK)
    assert seen.reason == "The SMTP server does not offer STARTTLS."
    async with SmtpServer() as server:
        server.unavailable = True
        seen = await look(Endpoint("smtp", "127.0.0.1", server.port, ""), LOOPBACK)
    assert seen.reason == "It does not greet as an SMTP server does."


@pytest.mark.parametrize(
    ("protocol", "asked"), [("imap", "smtp"), ("tls", "postgresql"), ("postgresql", "imap"), ("imap", "tls")]
)
async def test_another_protocol_is_no_handshake(
    protocol: str, asked: str, tmp_path: Path, ca: ThrowAwayCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "LOOK_SECONDS", 0.5)
    with TlsServer(tmp_path, protocol) as server:
        presenting(server, ca)
        seen = await look(Endpoint(asked, "127.0.0.1", server.port, ""), LOOPBACK)
    assert not seen.certificates
    assert seen.reason.endswith(".")


async def test_what_never_answers_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "LOOK_SECONDS", 0.3)
    with TlsServer(tmp_path, "silent") as server:
        for protocol in ProbeProtocol:
            seen = await look(Endpoint(protocol, "127.0.0.1", server.port, ""), LOOPBACK)
            assert (seen.certificates, seen.reason) == ((), "No TLS handshake within 0 seconds.")


async def test_where_nobody_listens_the_reason_is_said(tmp_path: Path) -> None:
    with TlsServer(tmp_path) as server:
        pass
    seen = await look(Endpoint("tls", "127.0.0.1", server.port, ""), LOOPBACK)
    assert seen.reason == "The connection was refused."


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1", "168.63.129.16"]
)
async def test_no_special_purpose_address_is_connected_to(host: str) -> None:
    seen = await look(Endpoint("tls", host, 443, ""), ())
    assert seen.reason == (
        f"{host} has no address that probes may connect to: a private one has to be within CERTRAIL_PROBE_NETWORKS."
    )


async def test_a_name_is_looked_up_once_and_its_checked_address_connected_to(
    dns: DnsServer, tmp_path: Path, ca: ThrowAwayCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a second answer would be the one inside."""
    allowed = "127.0.0.2"
    with TlsServer(tmp_path, host=allowed) as server, TlsServer(tmp_path) as inside:
        presenting(server, ca)
        dns.set("www.example.com", "A", [allowed], ["127.0.0.1"])
        endpoint = Endpoint("tls", "www.example.com", server.port, "www.example.com")
        seen = await look(endpoint, ("127.0.0.2/32",), [dns.address])
        assert seen.certificates
        assert dns.queries["www.example.com", "A"] == 1
        again = await look(endpoint, ("127.0.0.2/32",), [dns.address])
        assert "has no address that probes may connect to" in again.reason
        assert not any(str(ipaddress.ip_address(word)) in again.reason for word in (allowed, "127.0.0.1"))
    assert inside.connections == 0


async def test_an_unknown_name_is_said(dns: DnsServer) -> None:
    seen = await look(Endpoint("tls", "nowhere.example.com", 443, ""), LOOPBACK, [dns.address])
    assert seen.reason == "There is no name nowhere.example.com in DNS."
