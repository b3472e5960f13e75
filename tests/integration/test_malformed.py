"""What cannot be read is refused over HTTP with a problem that names the fault, and nothing is kept of it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from sqlmodel import func, select
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.domain.content import KeyAlgorithm
from certrail.persistence.tables import Certificate, CertificateRequest
from certrail.pki.keys import generate, to_pem

NAMES = {"sans": {"dns": ["a.example.com"]}}
Bodies = dict[str, tuple[Any, str]]
"""By the kind of fault: what is sent, and a word of the answer."""


@dataclass(frozen=True)
class Door:
    """The API, and an Operator's way in."""

    client: httpx2.Client
    team: Team

    def post(self, path: str, body: object) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return self.client.post(f"/api/v1/applications/app/{path}", content=content, headers=headers)

    def kept(self) -> int:
        """How many requests and certificates there are."""
        with self.team.services.kernel.db.read() as session:
            tables = (Certificate, CertificateRequest)
            return sum(session.exec(select(func.count()).select_from(table)).one() for table in tables)


@pytest.fixture
def door(team: Team) -> Iterator[Door]:
    team.person("operator")
    _, token = team.services.tokens.issue(team.admin, "operator", name="t")
    headers = {"authorization": f"Bearer {token}"}
    with serving(team.services) as url, httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        yield Door(client, team)


def csr(
    key: Any = None,
    *extensions: tuple[x509.ExtensionType, bool],
    name: str = "a.example.com",
    **attributes: str,
) -> str:
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else []
    subject += [x509.NameAttribute(getattr(x509.NameOID, oid), value) for oid, value in attributes.items()]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(key or generate(KeyAlgorithm.EC_P256), hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def armoured(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


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
        "no base64": (good.replace("M", "?", 3), "PEM"),
        "cut": (good[:120], "PEM"),
        "no der": (armoured(b"hello"), "PEM"),
        "cut der": (armoured(der[:-9]), "PEM"),
        "more behind": (armoured(der + b"\0\0"), "PEM"),
        "a certificate": ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "PEM"),
        "a key": (to_pem(generate(KeyAlgorithm.EC_P256)).decode(), "PEM"),
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
            "RegisteredID",
        ),
        "bad dns": (csr(None, (names([x509.DNSName("a_b.example.com")]), False)), "DNS name"),
        "unknown part": (csr(None, SERIAL_NUMBER="17"), "subject attributes"),
        "nobody": (csr(name=""), "subject"),
        "two names": (csr(None, COMMON_NAME="b.example.com"), "twice"),
    }
    return {what: ({"profile": "web", "csr": text}, word) for what, (text, word) in given.items()}


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
        "half a character": (b'{"profile": "web", "sans": {"dns": ["\\ud800.example.com"]}}', "sans"),
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


def certificate(key: Any, host: str = "a") -> str:
    """For a name that the policy denies."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{host}.example.org")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    names = x509.SubjectAlternativeName([x509.DNSName(f"{host}.example.org")])
    return builder.add_extension(names, False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_malformed_inputs_are_refused(door: Door) -> None:
    wrong = []
    doors = {
        "certificate-requests": (csrs(), jsons()),
        "certificates": (pems(), stores()),
    }
    for path, kinds in doors.items():
        for bodies in kinds:
            assert len(bodies) >= 20
            for what, (body, word) in bodies.items():
                answer = door.post(path, body)
                good = (
                    400 <= answer.status_code < 500
                    and answer.headers["content-type"] == "application/problem+json"
                )
                problem = answer.json() if good else {}
                named = f"{problem.get('detail')} {problem.get('field')} {problem.get('errors')}"
                if not good or not problem["detail"] or word not in named:
                    wrong.append(f"{path}, {what}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert door.kept() == 0


def test_no_secret_is_repeated_in_an_answer(door: Door) -> None:
    secret = "hunter2-hunter2"
    for body in (
        {"certificate": "hello", "private_key": secret, "password": secret},
        {"pkcs12": "AAAA", "password": secret},
        {"pkcs12": secret, "password": {"is": secret}},
        {"certificate": 7, "private_key": [secret]},
    ):
        answer = door.post("certificates", body)
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text
