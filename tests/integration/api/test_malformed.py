"""What cannot be read is refused over HTTP with a problem that names the fault, and nothing is kept of it."""

import base64
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from tests.integration.api_client import ApiClient, Bodies, entered
from tests.integration.conftest import Team
from tests.integration.handmade import CURVE, KEY_KIND, TEXT, altered, certificate, csr, unchecked

from certrail.domain.content import KeyAlgorithm
from certrail.pki.keys import generate, to_pem

pytestmark = pytest.mark.any_database

NAMES = {"sans": {"dns": ["a.example.com"]}}


@pytest.fixture
def api_client(team: Team) -> Iterator[ApiClient]:
    team.person("operator")
    with entered(team, "operator") as api_client:
        yield api_client


def csrs() -> Bodies:
    good = csr()
    der = x509.load_pem_x509_csr(good.encode()).public_bytes(Encoding.DER)
    names = x509.SubjectAlternativeName
    usage = {"digital_signature": True, "content_commitment": False, "key_encipherment": False}
    usage |= {"data_encipherment": False, "key_agreement": False, "crl_sign": False}
    ca_usage = x509.KeyUsage(**usage, key_cert_sign=True, encipher_only=False, decipher_only=False)
    given = {
        "no pem": ("hello", "PEM"),
        "blank": (" ", "PEM"),
        "no base64": (good.replace("M", "?", 3), "PKCS#10"),
        "cut": (good[:120], "PEM"),
        "no der": (armoured(b"hello"), "PKCS#10"),
        "cut der": (armoured(der[:-9]), "PKCS#10"),
        "more behind": (armoured(der + b"\0\0"), "PKCS#10"),
        "a certificate": ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "PEM"),
        "a key": (to_pem(generate(KeyAlgorithm.EC_P256)).decode(), "private key"),
        "changed": (armoured(der[:-1] + bytes([der[-1] ^ 1])), "signature"),
        "short rsa": (csr(rsa.generate_private_key(65537, 1024)), "RSA"),
        "weak exponent": (csr(rsa.generate_private_key(3, 2048)), "exponent"),
        "another curve": (csr(ec.generate_private_key(ec.SECP256K1())), "curve"),
        "dsa": (csr(dsa.generate_private_key(2048)), "kind of key"),
        "a ca": (csr(None, (x509.BasicConstraints(ca=True, path_length=None), True)), "CA certificate"),
        "usages of a ca": (csr(None, (ca_usage, True)), "usages of a CA"),
        "unknown critical": (csr(None, (x509.OCSPNoCheck(), True)), "critical extension"),
        "kind of name": (
            csr(None, (names([x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]), False)),
            "registeredID",
        ),
        "bad dns": (csr(None, (names([x509.DNSName("a_b.example.com")]), False)), "DNS name"),
        "unknown part": (csr(None, SERIAL_NUMBER="17"), "subject attributes"),
        "nobody": (csr(name=""), "subject"),
        "two names": (csr(None, COMMON_NAME="b.example.com"), "twice"),
    }
    return {what: ({"profile": "web", "csr": text}, word) for what, (text, word) in given.items()}


def armoured(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def jsons() -> Bodies:
    def asked(**changes: object) -> dict[str, object]:
        return {"profile": "web", **NAMES, **changes}

    return {
        "no json": (b"hello", "JSON"),
        "empty": (b"", "required"),
        "cut": (b'{"profile": "web"', "JSON"),
        "a list": ([], "object"),
        "no object": ("web", "object"),
        "null": (None, "dictionary"),
        "deep": (b'{"profile":' + b"[" * 5000 + b"]" * 5000 + b"}", "body"),
        "not text": (b'{"profile": "\xff\xfe"}', ""),
        "nul": (asked(profile="we\0b"), "profile"),
        "half a character": (
            b'{"profile": "web", "sans": {"dns": ["\\ud800.example.com"]}}',
            "surrogate pair",
        ),
        "no profile": (NAMES, "profile"),
        "profile is a number": (asked(profile=7), "profile"),
        "unknown member": (asked(colour="red"), "colour"),
        "no names": ({"profile": "web"}, "subject"),
        "names are text": (asked(sans="a.example.com"), "sans"),
        "unknown kind of name": (asked(sans={"phone": ["1"]}), "phone"),
        "bad dns": (asked(sans={"dns": ["-a.example.com"]}), "DNS name"),
        "bad ip": (asked(sans={"ip": ["1.2.3.400"]}), "IP address"),
        "bad email": (asked(sans={"email": ["nobody"]}), "e-mail"),
        "bad uri": (asked(sans={"uri": ["here"]}), "URI"),
        "too many names": (asked(sans={"dns": [f"h{n}.example.com" for n in range(101)]}), "sans"),
        "long name": (asked(subject={"common_name": "a" * 65}), "common_name"),
        "country": (asked(subject={"country": "Germany"}), "country"),
        "unknown part": (asked(subject={"title": "Dr"}), "title"),
        "key algorithm": (asked(key_algorithm="RSA_1024"), "key_algorithm"),
        "ttl is text": (asked(ttl="soon"), "ttl"),
        "ttl is nothing": (asked(ttl="0d"), "ttl"),
        "ttl is too much": (asked(ttl="40000d"), "ttl"),
        "usage": (asked(key_usages=["everything"]), "key_usages"),
        "metadata": (asked(metadata={"a": 1}), "metadata"),
        "metadata is long": (asked(metadata={"a": "b" * 1025}), "metadata"),
        "csr and names": (asked(csr=csr()), "sans"),
    }


def pems() -> Bodies:
    key = generate(KeyAlgorithm.EC_P256)
    good, key_pem = certificate(key), to_pem(key).decode()
    other_key = to_pem(generate(KeyAlgorithm.EC_P256)).decode()
    bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    given: dict[str, tuple[dict[str, object], str]] = {
        "nothing": ({}, "either certificate or pkcs12"),
        "blank": ({"certificate": " "}, "no PEM certificate"),
        "no pem": ({"certificate": "hello"}, "no PEM certificate"),
        "a key": ({"certificate": key_pem}, "no PEM certificate"),
        "a csr": ({"certificate": csr()}, "no PEM certificate"),
        "cut": ({"certificate": good[:100]}, "no PEM certificate"),
        "no base64": ({"certificate": good.replace("\nM", "\n?", 1)}, "Certificate 1"),
        "no der": ({"certificate": bad}, "Certificate 1"),
        "second": ({"certificate": good + bad}, "Certificate 2"),
        "too many": ({"certificate": good * 21}, "at most 20"),
        "too long": ({"certificate": good + "x" * 200_000}, "certificate"),
        "number": ({"certificate": 7}, "certificate"),
        "chain": ({"certificate": good, "chain": "hello"}, "no PEM certificate"),
        "chain is bad": ({"certificate": good, "chain": bad}, "Certificate 1"),
        "key is no pem": ({"certificate": good, "private_key": "key"}, "private key"),
        "another key": ({"certificate": good, "private_key": other_key}, "not that of"),
        "key needs no password": (
            {"certificate": good, "private_key": key_pem, "password": "x"},
            "leave the password out",
        ),
        "both": ({"certificate": good, "pkcs12": "AAAA"}, "either certificate or pkcs12"),
        "unknown": ({"certificate": good, "colour": "red"}, "colour"),
        "metadata": ({"certificate": good, "metadata": {"": "x"}}, "metadata"),
        "profile": ({"certificate": good, "profile": "nobody"}, "profile"),
        "policy": ({"certificate": good, "profile": "web"}, "example.org"),
        "unknown kind of key": ({"certificate": altered(KEY_KIND), "profile": "web"}, "public key"),
        "unknown curve": ({"certificate": altered(CURVE), "profile": "web"}, "public key"),
        "unknown curve in the chain": ({"certificate": good, "chain": altered(CURVE)}, "does not belong"),
        "subject is no text": ({"certificate": altered(TEXT), "profile": "web"}, "subject"),
        "long common name": ({"certificate": unchecked("a" * 257)}, "common name"),
        "nul in the common name": ({"certificate": unchecked("a\0b")}, "NUL"),
        "nul in a name": ({"certificate": unchecked("a", x509.DNSName("a\0b"))}, "NUL"),
        "long name": (
            {"certificate": unchecked("a", x509.UniformResourceIdentifier("urn:" + "a" * 3000))},
            "at most 2048",
        ),
        "metadata is long in bytes": ({"certificate": good, "metadata": {"a": "\u4e00" * 1000}}, "metadata"),
    }
    return dict(given)


def stores() -> Bodies:
    key = generate(KeyAlgorithm.EC_P256)
    leaf = x509.load_pem_x509_certificate(certificate(key).encode())
    secret = BestAvailableEncryption(b"password")
    good = pkcs12.serialize_key_and_certificates(b"mine", key, leaf, None, secret)
    only_key = pkcs12.serialize_key_and_certificates(b"mine", key, None, None, secret)
    more = [
        x509.load_pem_x509_certificate(certificate(generate(KeyAlgorithm.EC_P256), f"h{n}").encode())
        for n in range(3)
    ]
    several = pkcs12.serialize_key_and_certificates(b"mine", key, leaf, more, secret)

    def sent(content: bytes, **others: object) -> dict[str, object]:
        return {"pkcs12": base64.b64encode(content).decode(), "password": "password", **others}

    return {
        "nothing": (sent(b""), "PKCS#12"),
        "no base64": ({"pkcs12": "?", "password": "password"}, "pkcs12"),
        "half base64": ({"pkcs12": "AAA", "password": "password"}, "pkcs12"),
        "number": ({"pkcs12": 7}, "pkcs12"),
        "null": ({"pkcs12": None}, "either certificate or pkcs12"),
        "hello": (sent(b"hello"), "PKCS#12"),
        "zeros": (sent(bytes(2000)), "PKCS#12"),
        "der of something else": (sent(leaf.public_bytes(Encoding.DER)), "PKCS#12"),
        "pem": (sent(certificate(key).encode()), "PKCS#12"),
        "cut": (sent(good[:200]), "PKCS#12"),
        "one byte short": (sent(good[:-1]), "PKCS#12"),
        "changed inside": (sent(good[:300] + bytes([good[300] ^ 1]) + good[301:]), "PKCS#12"),
        "changed mac": (sent(good[:-30] + bytes(30)), "PKCS#12"),
        "wrong password": (sent(good, password="wrong"), "PKCS#12"),
        "no password": (sent(good, password=None), "PKCS#12"),
        "long password": (sent(good, password="x" * 2000), "password"),
        "only a key": (sent(only_key), "no certificate"),
        "several": (sent(several), "Choose one entry"),
        "nobody chosen": (sent(several, entry="nobody"), "Choose one entry"),
        "with a chain": (sent(good, chain=certificate(key)), "leave them out"),
        "with a key": (sent(good, private_key=to_pem(key).decode()), "leave them out"),
        "policy": (sent(good, profile="web"), "example.org"),
    }


def renewals() -> Bodies:
    elsewhere = x509.SubjectAlternativeName([x509.DNSName("x.example.org")])
    given = {what: ({"csr": body["csr"]}, word) for what, (body, word) in csrs().items()}
    return {
        **given,
        "csr and same key": ({"csr": csr(), "same_key": True}, "not both"),
        "csr is a number": ({"csr": 7}, "csr"),
        "csr is long": ({"csr": csr() + "x" * 65536}, "csr"),
        "another name": ({"csr": csr(None, (elsewhere, False))}, "example.org"),
        "unknown member": ({"colour": "red"}, "colour"),
        "metadata": ({"metadata": {"": "x"}}, "metadata"),
    }


def test_malformed_inputs_are_refused(api_client: ApiClient) -> None:
    for path, kinds in {
        "certificate-requests": (csrs(), jsons()),
        "certificates": (pems(), stores()),
    }.items():
        for bodies in kinds:
            api_client.refuses(f"applications/app/{path}", bodies)
    assert api_client.kept() == 0


def test_malformed_renewals_are_refused(api_client: ApiClient) -> None:
    request, _ = api_client.team.ask(api_client.team.admin)
    api_client.team.services.issuance.advance(request)
    present = api_client.team.services.requests.get(request).certificate_id
    before = api_client.kept()
    api_client.refuses(f"certificates/{present}/renew", renewals())
    assert api_client.kept() == before


def test_no_secret_is_repeated_in_an_answer(api_client: ApiClient) -> None:
    secret = "hunter2-hunter2"
    for body in (
        {"certificate": "hello", "private_key": secret, "password": secret},
        {"pkcs12": "AAAA", "password": secret},
        {"pkcs12": secret, "password": {"is": secret}},
        {"certificate": 7, "private_key": [secret]},
    ):
        answer = api_client.post("applications/app/certificates", body)
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text
