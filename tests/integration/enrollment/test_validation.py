"""The checks over the network, and where they refuse to go (SSRF)."""

import asyncio
import hashlib
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from acme import challenges, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.b64 import b64encode
from tests.integration.enrollment.acme_world import AcmeClient, AcmeWorld, chosen, csr_for, web_server

from certrail.domain.acme import IdentifierType
from certrail.domain.enrollment import AcmeSettings, ChallengeType
from certrail.services.enrollment.validation import checks
from certrail.services.enrollment.validation.checks import check
from certrail.services.enrollment.validation.outcome import CheckFailed, Probe

pytestmark = pytest.mark.any_database


def failed(acme: AcmeWorld, client: AcmeClient, order: messages.OrderResource, kind: type) -> str:
    """The problem of a challenge that fails at last."""
    body = chosen(order.authorizations[0], kind)
    client.acme.answer_challenge(body, body.response(client.key))
    for _ in range(600):
        answer = client.post(body.uri, None).json()
        if answer["status"] != "processing":
            break
        threading.Event().wait(0.05)
    assert answer["status"] == "invalid", answer
    return f"{answer['error']['type'].rpartition(':')[2]}: {answer['error']['detail']}"


def shown_by_dns(acme: AcmeWorld, client: AcmeClient, order: messages.OrderResource) -> None:
    for authorization in order.authorizations:
        body = chosen(authorization, challenges.DNS01)
        name = f"_acme-challenge.{authorization.body.identifier.value}"
        acme.dns.add(name, "TXT", body.validation(client.key))
        client.acme.answer_challenge(body, body.response(client.key))


def test_a_wildcard_is_shown_by_dns(acme: AcmeWorld) -> None:
    client = acme.client()
    order = client.order("*.example.com", "a.example.com", "b.example.com")
    (wildcard,) = [each for each in order.authorizations if each.body.wildcard]
    assert wildcard.body.identifier.value == "example.com"
    assert [each.typ for each in wildcard.body.challenges] == ["dns-01"]
    shown_by_dns(acme, client, order)
    assert client.acme.poll_and_finalize(order).fullchain_pem


def test_a_txt_record_behind_a_cname_counts(acme: AcmeWorld) -> None:
    client = acme.client()
    order = client.order("a.example.com")
    body = chosen(order.authorizations[0], challenges.DNS01)
    acme.dns.set("_acme-challenge.a.example.com", "CNAME", ["elsewhere.test"])
    acme.dns.set("elsewhere.test", "TXT", ["another", body.validation(client.key)])
    client.acme.answer_challenge(body, body.response(client.key))
    assert client.acme.poll_and_finalize(order).fullchain_pem


def test_a_record_that_comes_late_is_found_by_a_later_check(acme: AcmeWorld) -> None:
    client = acme.client()
    order = client.order("a.example.com")
    body = chosen(order.authorizations[0], challenges.DNS01)
    acme.dns.set("_acme-challenge.a.example.com", "TXT", ["old"], ["old"], [body.validation(client.key)])
    client.acme.answer_challenge(body, body.response(client.key))
    assert client.acme.poll_and_finalize(order).fullchain_pem


def test_a_wrong_record_is_named(acme: AcmeWorld) -> None:
    client = acme.client()
    order = client.order("a.example.com")
    acme.dns.set("_acme-challenge.a.example.com", "TXT", ["something else"])
    problem = failed(acme, client, order, challenges.DNS01)
    assert problem.startswith("incorrectResponse: _acme-challenge.a.example.com has 1 TXT records")


@contextmanager
def tls_server(certificate: x509.Certificate, key: object, folder: Path, protocol: str) -> Iterator[int]:
    """A server that speaks one protocol with one certificate."""
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    (folder / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.set_alpn_protocols([protocol])
    loop = asyncio.new_event_loop()

    async def closed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(closed, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


@pytest.mark.parametrize(("protocol", "kind"), [("acme-tls/1", None), ("http/1.1", "tls")])
def test_a_certificate_behind_acme_tls(
    acme: AcmeWorld, tmp_path: Path, protocol: str, kind: str | None
) -> None:
    acme.here("a.example.com")
    client = acme.client()
    order = client.order("a.example.com")
    raw = client.post(order.authorizations[0].uri, None).json()
    found = next(each for each in raw["challenges"] if each["type"] == "tls-alpn-01")
    certificate, key = acme_certificate(found["token"], client)
    with tls_server(certificate, key, tmp_path, protocol) as port:
        acme.settings(tls_port=port)
        client.raw(found["url"], {})
        for _ in range(600):
            answer = client.post(found["url"], None).json()
            if answer["status"] != "processing":
                break
            threading.Event().wait(0.05)
    assert answer["status"] == ("valid" if kind is None else "invalid"), answer
    if kind:
        assert answer["error"]["type"].endswith(kind)


def acme_certificate(token: str, client: AcmeClient) -> tuple[x509.Certificate, object]:
    """What RFC 8737 section 3 wants."""
    thumbprint = b64encode(client.key.thumbprint()).decode()
    digest = hashlib.sha256(f"{token}.{thumbprint}".encode()).digest()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"), b"\x04\x20" + digest)
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example.com")]), critical=False)
        .add_extension(value, critical=True)
    )
    return built.sign(key, hashes.SHA256()), key


class TestWhereItDoesNotGo:
    """Private, loopback, link-local and metadata addresses, however they are reached."""

    def test_loopback_that_is_not_allowed_by_name(self, acme: AcmeWorld) -> None:
        acme.here("a.example.com")
        acme.settings(allowed_networks=[])
        client = acme.client()
        problem = failed(acme, client, client.order("a.example.com"), challenges.HTTP01)
        assert problem.startswith("connection: a.example.com has no address that may be connected to")
        assert not acme.web.seen

    @pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1"])
    def test_private_and_metadata_addresses(self, acme: AcmeWorld, address: str) -> None:
        acme.dns.set("a.example.com", "A", [address])
        client = acme.client()
        problem = failed(acme, client, client.order("a.example.com"), challenges.HTTP01)
        assert address in problem
        assert problem.startswith("connection")

    @pytest.mark.parametrize(
        "target",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "http://inside.example.com/",
            "http://[::1]/",
            "https://192.168.0.1/",
            "http://2130706433/",
        ],
    )
    def test_redirects(self, acme: AcmeWorld, target: str) -> None:
        acme.here("a.example.com")
        acme.dns.set("inside.example.com", "A", ["10.0.0.1"])
        client = acme.client()
        order = client.order("a.example.com")
        body = chosen(order.authorizations[0], challenges.HTTP01)
        acme.web.redirects[body.chall.path] = target
        problem = failed(acme, client, order, challenges.HTTP01)
        assert problem.startswith(("connection", "dns"))

    @pytest.mark.parametrize(
        "target", ["http://a.example.com:22/", "ftp://a.example.com/", "http://u@a.example.com/"]
    )
    def test_redirects_to_other_services(self, acme: AcmeWorld, target: str) -> None:
        acme.here("a.example.com")
        client = acme.client()
        order = client.order("a.example.com")
        body = chosen(order.authorizations[0], challenges.HTTP01)
        acme.web.redirects[body.chall.path] = target
        assert "redirects to" in failed(acme, client, order, challenges.HTTP01)

    def test_redirects_without_an_end(self, acme: AcmeWorld) -> None:
        acme.here("a.example.com")
        client = acme.client()
        order = client.order("a.example.com")
        body = chosen(order.authorizations[0], challenges.HTTP01)
        acme.web.redirects[body.chall.path] = f"http://a.example.com{body.chall.path}"
        assert "More than 10 redirects" in failed(acme, client, order, challenges.HTTP01)

    def test_a_name_that_changes_between_check_and_connection(self, acme: AcmeWorld) -> None:
        """The address is looked up once for each check, and the one that was checked is connected to."""
        with web_server() as inside:
            acme.dns.set("a.example.com", "A", ["127.0.0.1"], ["10.0.0.1"])
            client = acme.client()
            order = client.order("a.example.com")
            body = chosen(order.authorizations[0], challenges.HTTP01)
            acme.web.answers[body.chall.path] = body.validation(client.key)
            client.acme.answer_challenge(body, body.response(client.key))
            client.acme.poll_and_finalize(order)
            assert acme.dns.queries["a.example.com", "A"] == 1
            assert not inside.seen

    def test_a_redirect_within_the_same_host_is_followed(self, acme: AcmeWorld) -> None:
        acme.here("a.example.com")
        client = acme.client()
        order = client.order("a.example.com")
        body = chosen(order.authorizations[0], challenges.HTTP01)
        acme.web.redirects[body.chall.path] = "/moved"
        acme.web.answers["/moved"] = body.validation(client.key)
        client.acme.answer_challenge(body, body.response(client.key))
        assert client.acme.poll_and_finalize(order).fullchain_pem


async def test_a_server_that_answers_slowly_is_given_up(
    acme: AcmeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await asyncio.Event().wait()

    monkeypatch.setattr(checks, "CHECK_SECONDS", 0.5)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    settings = AcmeSettings(allowed_networks=("127.0.0.0/8",), http_port=server.sockets[0].getsockname()[1])
    probe = Probe(ChallengeType.HTTP, IdentifierType.IP, "127.0.0.1", "t" * 32, "thumb", settings)
    failure = await check(probe)
    server.close()
    assert isinstance(failure, CheckFailed)
    assert failure.kind == "connection"


def test_an_ip_address_is_shown_by_http(acme: AcmeWorld) -> None:
    acme.team.services.catalog.update_policy(
        acme.team.admin, "tls", rules={"sans": {"ip": {"allowed": ["127.0.0.0/8"]}}}
    )
    client = acme.client()
    address = ipaddress.ip_address("127.0.0.1")
    order = client.acme.new_order(csr_for(ips=[address]))
    (authorization,) = order.authorizations
    assert sorted(each.to_partial_json()["type"] for each in authorization.body.challenges) == [
        "http-01",
        "tls-alpn-01",
    ]
    client.show_by_http(order)
    pem = client.acme.poll_and_finalize(order).fullchain_pem
    sans = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert sans.value.get_values_for_type(x509.IPAddress) == [address]
    assert acme.web.seen[0][0] == "127.0.0.1"
