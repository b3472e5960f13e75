"""What cannot be read is refused over HTTP with a problem that names the fault, and nothing is kept of it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
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

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.persistence.tables import Certificate, CertificateRequest
from certrail.pki.keys import generate, to_pem

NAMES = {"sans": {"dns": ["a.example.com"]}}
Bodies = dict[str, tuple[Any, str]]
"""By the kind of fault: what is sent, and a word of the answer."""


@dataclass(frozen=True)
class Door:
    """The API, and somebody's way in."""

    client: httpx2.Client
    team: Team

    def post(self, path: str, body: object) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return self.client.post(f"/api/v1/{path}", content=content, headers=headers)

    def refuses(self, path: str, bodies: Bodies) -> None:
        """Whether each of them is answered with a problem that names the fault."""
        assert len(bodies) >= 20
        answers = ((what, self.post(path, body), word) for what, (body, word) in bodies.items())
        wrong = [f"{what}: {told(answer)}" for what, answer, word in answers if not names(answer, word)]
        assert not wrong, "\n".join(wrong)

    def kept(self) -> int:
        """How many requests and certificates there are."""
        with self.team.services.kernel.db.read() as session:
            tables = (Certificate, CertificateRequest)
            return sum(session.exec(select(func.count()).select_from(table)).one() for table in tables)


def names(answer: httpx2.Response, word: str) -> bool:
    """Whether it is a problem of the sender's that is named by this word."""
    if not 400 <= answer.status_code < 500 or answer.headers["content-type"] != "application/problem+json":
        return False
    problem = answer.json()
    return (
        bool(problem["detail"])
        and word in f"{problem['detail']} {problem.get('field')} {problem.get('errors')}"
    )


def told(answer: httpx2.Response) -> str:
    return f"{answer.status_code} {answer.text[:200]}"


@contextmanager
def entered(team: Team, who: str) -> Iterator[Door]:
    _, token = team.services.tokens.issue(team.admin, who, name="t")
    headers = {"authorization": f"Bearer {token}"}
    with serving(team.services) as url, httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        yield Door(client, team)


@pytest.fixture
def door(team: Team) -> Iterator[Door]:
    team.person("operator")
    with entered(team, "operator") as door:
        yield door


@pytest.fixture
def front_door(team: Team) -> Iterator[Door]:
    with entered(team, team.admin.principal_id or "") as door:
        yield door


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
        "unknown kind of key": ({"certificate": altered(KEY_KIND)}, "public key"),
        "unknown curve": ({"certificate": altered(CURVE)}, "public key"),
        "unknown curve in the chain": ({"certificate": good, "chain": altered(CURVE)}, "public key"),
        "subject is no text": ({"certificate": altered(TEXT)}, "subject"),
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


KEY_KIND = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209")
CURVE = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030119")
TEXT = b"a.example.org", b"\xff\xfeexample.org"
"""What stands in a certificate, and what it is replaced with: what no library here can read."""


def altered(change: tuple[bytes, bytes]) -> str:
    before, after = change
    leaf = x509.load_pem_x509_certificate(certificate(generate(KeyAlgorithm.EC_P256)).encode())
    der = leaf.public_bytes(Encoding.DER)
    assert before in der
    body = base64.encodebytes(der.replace(before, after)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def unchecked(common_name: str, *names: x509.GeneralName) -> str:
    """Of somebody who does not look at what is signed."""
    key, now = generate(KeyAlgorithm.EC_P256), datetime.now(UTC)
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name, _validate=False)
    name = x509.Name([attribute])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


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


@dataclass(frozen=True)
class Above:
    """An authority elsewhere that signs what it is asked to, and whatever else."""

    wanted: x509.CertificateSigningRequest
    key: Any
    now: datetime
    name: x509.Name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Above")])  # noqa: RUF009 - never changes

    def root(self) -> str:
        return self.signed(subject=self.name, key=self.key)

    def signed(
        self,
        *left_out: type[x509.ExtensionType],
        subject: x509.Name | None = None,
        key: Any = None,
        signer: Any = None,
        ca: bool = True,
        signs: bool = True,
        begins: int = 0,
        days: int = 9,
    ) -> str:
        public_key = key.public_key() if key else self.wanted.public_key()
        usage = x509.KeyUsage(True, False, False, False, False, signs, signs, False, False)
        begin = self.now + timedelta(days=begins)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or self.wanted.subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
        )
        for extension in (
            x509.BasicConstraints(ca, None),
            usage,
            x509.SubjectKeyIdentifier.from_public_key(public_key),
        ):
            if not isinstance(extension, left_out):
                builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer or self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def installations(above: Above) -> Bodies:
    root, good = above.root(), above.signed()
    bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    other = generate(KeyAlgorithm.EC_P256)
    chained: dict[str, tuple[str, str]] = {
        "blank": (" ", "no PEM certificate"),
        "no pem": ("hello", "no PEM certificate"),
        "a key": (to_pem(other).decode(), "no PEM certificate"),
        "a csr": (csr(), "no PEM certificate"),
        "cut": (good[:100], "no PEM certificate"),
        "no base64": (good.replace("\nM", "\n?", 1), "Certificate 1"),
        "no der": (bad, "Certificate 1"),
        "second": (good + bad, "Certificate 2"),
        "too many": (good * 21, "at most 20"),
        "too long": (good + "x" * 200_000, "certificate"),
        "unknown kind of key": (altered(KEY_KIND), "public key"),
        "unknown curve": (altered(CURVE), "public key"),
        "subject is no text": (altered(TEXT), "subject"),
        "somebody else": (above.signed(subject=above.name), "the request was for"),
        "another key": (above.signed(key=other), "another key"),
        "a leaf": (above.signed(ca=False), "signed as a leaf"),
        "no constraints": (above.signed(x509.BasicConstraints), "basicConstraints"),
        "no usage": (above.signed(x509.KeyUsage), "keyUsage"),
        "no key identifier": (above.signed(x509.SubjectKeyIdentifier), "subjectKeyIdentifier"),
        "signs nothing": (above.signed(signs=False), "keyCertSign"),
        "ended": (above.signed(begins=-20), "not valid now"),
        "not begun": (above.signed(begins=2), "not valid now"),
        "signed by somebody else": (above.signed(signer=other), "missing"),
    }
    leaf_above = above.signed(subject=above.name, key=above.key, ca=False)
    return {
        **{what: ({"certificate": pem, "chain": root}, word) for what, (pem, word) in chained.items()},
        "nothing": ({}, "certificate"),
        "null": ({"certificate": None}, "certificate"),
        "number": ({"certificate": 7}, "certificate"),
        "unknown": ({"certificate": good, "chain": root, "colour": "red"}, "colour"),
        "nul": ({"certificate": good + "\0", "chain": root}, "NUL"),
        "no issuer": ({"certificate": good}, "missing"),
        "chain": ({"certificate": good, "chain": "hello"}, "no PEM certificate"),
        "chain is bad": ({"certificate": good, "chain": bad}, "Certificate 1"),
        "unknown curve in the chain": ({"certificate": good, "chain": root + altered(CURVE)}, "public key"),
        "a leaf above": ({"certificate": good, "chain": leaf_above}, "not the certificate of an authority"),
    }


CENTURIES = 86_399_999_999_999
ROOT = {"slug": "r", "name": "R", "subject": {"common_name": "R"}}
POSTED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "certificate-authorities": [
        ({**ROOT, "lifetime": CENTURIES}, "lifetime"),
        ({**ROOT, "lifetime": -5}, "lifetime"),
        ({**ROOT, "lifetime": 0}, "lifetime"),
        ({**ROOT, "lifetime": "0d"}, "lifetime"),
        ({**ROOT, "lifetime": "P40000D"}, "lifetime"),
    ],
    "certificate-authorities/root/renew": [
        ({"lifetime": CENTURIES}, "lifetime"),
        ({"lifetime": -5}, "lifetime"),
        ({"lifetime": 1e300}, "lifetime"),
    ],
    "tokens": [
        ({"principal": "x", "name": "t", "lifetime": CENTURIES}, "lifetime"),
        ({"principal": "x", "name": "t", "lifetime": -5}, "lifetime"),
        ({"principal": "x", "name": "t", "lifetime": "0s"}, "lifetime"),
    ],
    "connections": [
        ({"slug": "c", "name": "C", "type": "folder", "config": {}, "expires_at": moment}, "expires_at")
        for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2030-01-01T00:00:00")
    ],
    "applications/app/certificate-requests": [
        ({"profile": "web", **NAMES, "ttl": CENTURIES}, "ttl"),
        ({"profile": "web", **NAMES, "ttl": -1}, "ttl"),
    ],
}
EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
SEARCHES: list[tuple[dict[str, Any], str]] = [
    ({"view": "ending", "expires_after": "2030-01-01T00:00:00Z"}, "expires_after must be before"),
    ({"expires_after": EARLY}, "expires_after"),
    ({"expires_before": LATE}, "expires_before"),
    ({"expires_after": "2030-01-01T00:00:00"}, "expires_after"),
    ({"expires_after": "2030-01-02T00:00:00Z", "expires_before": "2030-01-01T00:00:00Z"}, "must be before"),
    ({"status": "gone"}, "status"),
    *(({"cursor": cursor}, "cursor") for cursor in ("hello", "", "!", "bnVsbA", "W10")),
    *(
        ({"cursor": base64.urlsafe_b64encode(json.dumps(place).encode()).decode()}, "cursor")
        for place in ([EARLY, "x"], [LATE, "x"], ["2030-01-01T00:00:00", "x"], [EARLY], [7, "x"], [LATE, 7])
    ),
]


def certificate(key: Any, host: str = "a") -> str:
    """For a name that the policy denies."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{host}.example.org")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    names = x509.SubjectAlternativeName([x509.DNSName(f"{host}.example.org")])
    return builder.add_extension(names, False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_malformed_inputs_are_refused(door: Door) -> None:
    for path, kinds in {
        "certificate-requests": (csrs(), jsons()),
        "certificates": (pems(), stores()),
    }.items():
        for bodies in kinds:
            door.refuses(f"applications/app/{path}", bodies)
    assert door.kept() == 0


def test_malformed_renewals_are_refused(door: Door) -> None:
    request, _ = door.team.ask(door.team.admin)
    door.team.services.issuance.advance(request)
    present = door.team.services.requests.get(request).certificate_id
    before = door.kept()
    door.refuses(f"certificates/{present}/renew", renewals())
    assert door.kept() == before


def test_malformed_certificates_of_authorities_are_refused(front_door: Door) -> None:
    authorities, team = front_door.team.services.authorities, front_door.team
    subject = Subject(common_name="a.example.org")
    authorities.create_intermediate(team.admin, slug="below", name="Below", subject=subject)
    wanted = x509.load_pem_x509_csr(authorities.request("below").encode())
    above = Above(wanted, generate(KeyAlgorithm.EC_P256), team.clock.now)
    front_door.refuses("certificate-authorities/below/certificate", installations(above))
    row, versions = authorities.get("below")
    assert (row.status, versions) == ("pending", [])
    good = {"certificate": above.signed(), "chain": above.root()}
    assert front_door.post("certificate-authorities/below/certificate", good).status_code == 201


def test_moments_and_durations_out_of_all_bounds_are_refused(front_door: Door) -> None:
    ending = {"slug": "ending", "name": "E", "filter": {"expires_before": "2029-01-01T00:00:00Z"}}
    assert front_door.post("applications/app/views", ending).status_code == 201
    answers = [
        *(
            (f"{path} {body}", front_door.post(path, body), w)
            for path, of in POSTED.items()
            for body, w in of
        ),
        *(
            (
                f"search {given}",
                front_door.client.get("/api/v1/applications/app/certificates", params=given),
                w,
            )
            for given, w in SEARCHES
        ),
    ]
    wrong = [f"{what}: {told(answer)}" for what, answer, word in answers if not names(answer, word)]
    assert not wrong, "\n".join(wrong)
    assert len(front_door.team.services.authorities.list()) == 1
    numbers = front_door.post("certificate-authorities", {**ROOT, "lifetime": 86400})
    assert numbers.status_code == 201, numbers.text


def test_no_secret_is_repeated_in_an_answer(door: Door) -> None:
    secret = "hunter2-hunter2"
    for body in (
        {"certificate": "hello", "private_key": secret, "password": secret},
        {"pkcs12": "AAAA", "password": secret},
        {"pkcs12": secret, "password": {"is": secret}},
        {"certificate": 7, "private_key": [secret]},
    ):
        answer = door.post("applications/app/certificates", body)
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text
