"""Certificates that come in from elsewhere, and go out as files that others read."""

import hashlib
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)
from sqlmodel import select
from tests.integration.conftest import Team
from tests.support.programs import keytool

from certrail.domain.content import KeyAlgorithm, Sans, Subject
from certrail.domain.errors import BadInput, CertrailError, Conflict, PolicyViolation
from certrail.persistence.tables import Certificate, Delivery
from certrail.pki.authority import self_signed_root
from certrail.pki.keys import PrivateKey, generate, to_pem
from certrail.pki.leaf import LeafPlan, sign_leaf
from certrail.pki.parse import CertificateBundle, from_pem_text, from_pkcs12

pytestmark = pytest.mark.any_database

DAY = timedelta(days=1)
PASSWORD = "correct horse"


class Foreign:
    """A certificate with its chain and key, from an authority that is not ours."""

    def __init__(self, team: Team, name: str = "a.example.com", days: int = 30) -> None:
        self._start = team.clock.now - DAY
        ca_key = generate(KeyAlgorithm.EC_P256)
        self.key: PrivateKey = generate(KeyAlgorithm.EC_P256)
        end = self._start + 400 * DAY
        self.root = self_signed_root(Subject(common_name="Foreign"), ca_key, 11, self._start, end, None)
        plan = LeafPlan(
            Subject(common_name=name),
            Sans(dns=(name,)),
            ("digitalSignature",),
            ("serverAuth",),
            self._start,
            self._start + days * DAY,
        )
        self.leaf = sign_leaf(plan, self.key.public_key(), self.root, ca_key, x509.random_serial_number())

    @property
    def pem(self) -> str:
        return pem(self.leaf)

    @property
    def key_pem(self) -> str:
        return to_pem(self.key).decode()

    def p12(self, password: str = PASSWORD, key: bool = True) -> bytes:
        encryption = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(
            b"mine", self.key if key else None, self.leaf, [self.root], encryption
        )


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def taken(team: Team, offer: CertificateBundle, **how: object) -> Certificate:
    return team.services.imports.take(team.admin, team.application, offer, **how)  # type: ignore[arg-type]


def test_pem_in_any_order_is_kept_with_its_chain_and_key(team: Team) -> None:
    foreign = Foreign(team)
    offer = from_pem_text(pem(foreign.root) + foreign.pem, "", foreign.key_pem)
    row = taken(team, offer, attributes={"team": "payments"})
    assert (row.common_name, row.chain, row.root) == ("a.example.com", [], pem(foreign.root))
    assert (row.profile_id, row.request_id, row.attributes) == (None, None, {"team": "payments"})
    assert row.key_sealed
    assert foreign.key_pem not in row.key_sealed
    with pytest.raises(Conflict, match="already"):
        taken(team, offer)


def test_pkcs12_is_kept_and_delivered_like_our_own(team: Team, tmp_path: Path) -> None:
    services = team.services
    services.connections.create(
        team.admin, slug="f", name="F", type_="folder", config={"root": str(tmp_path)}
    )
    services.syncs.create(
        team.admin, team.application, slug="s", name="S", destination="files", config={}, connection="f"
    )
    row = taken(team, from_pkcs12(Foreign(team).p12(), PASSWORD), profile="web")
    old = taken(team, from_pem_text(Foreign(team, "old.example.com", days=1).pem))
    assert old.not_after <= team.clock.now
    with services.context.db.read() as session:
        (delivery,) = session.exec(select(Delivery)).all()
    assert delivery.desired_certificate_id == row.id, "what has ended is kept, and goes nowhere"


def test_our_own_issuer_is_recognised(team: Team) -> None:
    request, _ = team.ask(team.admin)
    team.services.issuance.advance(request)
    own = team.services.inventory.get(team.services.requests.get(request).certificate_id or "")
    signed = x509.load_pem_x509_certificate(own.pem.encode())
    with team.services.context.db.write() as session:
        row = session.get_one(Certificate, own.id)
        row.fingerprint = "0" * 64
    assert taken(team, from_pem_text(pem(signed))).ca_certificate_id == own.ca_certificate_id


def test_an_import_with_a_profile_must_satisfy_its_policy(team: Team) -> None:
    team.services.catalog.update_policy(
        team.admin,
        "tls",
        {
            "sans": {"dns": {"allowed": ["*.example.com"]}},
            "max_ttl": "40d",
            "key_algorithms": ["EC_P256"],
        },
    )
    with pytest.raises(PolicyViolation) as refused:
        taken(team, from_pem_text(Foreign(team, "a.example.org", days=50).pem), profile="web")
    rules = {violation["rule"] for violation in refused.value.extra["violations"]}
    assert rules == {"sans.dns.allowed", "max_ttl"}
    (event,) = team.services.audit_log.events(None, type_="certificate.import_refused")
    assert event.data["profile"] == "web"
    assert len(event.data["violations"]) == 2
    row = taken(team, from_pem_text(Foreign(team).pem), profile="web")
    assert row.profile_id is not None


def test_without_a_profile_what_nobody_here_would_issue_is_kept_too(team: Team) -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "17")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(team.clock.now)
        .not_valid_after(team.clock.now + DAY)
        .add_extension(
            x509.SubjectAlternativeName([x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    row = taken(team, from_pem_text(pem(certificate)))
    assert (row.common_name, row.key_algorithm, row.names) == (
        "",
        "EC_secp256k1",
        {"other": ["a registeredID"]},
    )
    with pytest.raises(BadInput, match=r"No profile can have this: subject attributes 2\.5\.4\.5"):
        taken(team, from_pem_text(pem(certificate)), profile="web")


def several(foreign: Foreign, other: Foreign) -> bytes:
    entries = [pkcs12.PKCS12Certificate(other.leaf, b"other")]
    return pkcs12.serialize_key_and_certificates(
        b"mine", foreign.key, foreign.leaf, entries, BestAvailableEncryption(PASSWORD.encode())
    )


def test_one_of_several_entries_is_chosen(team: Team) -> None:
    foreign, other = Foreign(team), Foreign(team, "b.example.com")
    content = several(foreign, other)
    with pytest.raises(BadInput, match=r"Choose one entry.*mine.*other"):
        from_pkcs12(content, PASSWORD)
    assert from_pkcs12(content, PASSWORD, "mine").key is not None
    by_fingerprint = from_pkcs12(content, PASSWORD, other.leaf.fingerprint(hashes.SHA256()).hex())
    assert (by_fingerprint.certificate, by_fingerprint.key) == (other.leaf, None)
    with pytest.raises(BadInput, match="Choose one entry"):
        from_pkcs12(content, PASSWORD, "nobody")


MALFORMED: dict[str, tuple[Callable[[Foreign], object], str]] = {
    "no pem": (lambda f: from_pem_text("hello"), "no PEM certificate"),
    "empty": (lambda f: from_pem_text(""), "no PEM certificate"),
    "a key instead": (lambda f: from_pem_text(f.key_pem), "no PEM certificate"),
    "cut off": (lambda f: from_pem_text(f.pem[:200]), "no PEM certificate"),
    "not base64": (lambda f: from_pem_text(f.pem.replace("\nM", "\n?", 1)), "Certificate 1 cannot be read"),
    "not der": (
        lambda f: from_pem_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        "Certificate 1 cannot be read",
    ),
    "second is bad": (
        lambda f: from_pem_text(f.pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        "Certificate 2 cannot be read",
    ),
    "too many": (lambda f: from_pem_text(f.pem * 21), "at most 20"),
    "chain is no pem": (lambda f: from_pem_text(f.pem, "chain"), "no PEM certificate"),
    "another key": (
        lambda f: from_pem_text(f.pem, "", to_pem(generate(KeyAlgorithm.EC_P256)).decode()),
        "not that of",
    ),
    "key is no pem": (lambda f: from_pem_text(f.pem, "", "key"), "private key cannot be read"),
    "key is encrypted": (lambda f: from_pem_text(f.pem, "", encrypted(f.key)), "give its password"),
    "wrong key password": (lambda f: from_pem_text(f.pem, "", encrypted(f.key), "wrong"), "cannot be read"),
    "key is not encrypted": (lambda f: from_pem_text(f.pem, "", f.key_pem, "x"), "leave the password out"),
    "kind of key": (lambda f: from_pem_text(f.pem, "", x25519()), "kind of key"),
    "no pkcs12": (lambda f: from_pkcs12(b"hello", PASSWORD), "cannot be read as PKCS#12"),
    "empty pkcs12": (lambda f: from_pkcs12(b"", PASSWORD), "cannot be read as PKCS#12"),
    "cut pkcs12": (lambda f: from_pkcs12(f.p12()[:300], PASSWORD), "cannot be read as PKCS#12"),
    "wrong password": (lambda f: from_pkcs12(f.p12(), "wrong"), "cannot be read as PKCS#12"),
    "changed pkcs12": (
        lambda f: from_pkcs12(f.p12()[:-40] + bytes(40), PASSWORD),
        "cannot be read as PKCS#12",
    ),
    "no certificate": (lambda f: from_pkcs12(only_key(f.key), PASSWORD), "no certificate"),
}


def encrypted(key: PrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"right")).decode()


def x25519() -> str:
    form = serialization.PrivateFormat.PKCS8
    return X25519PrivateKey.generate().private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def only_key(key: PrivateKey) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"k", key, None, None, BestAvailableEncryption(PASSWORD.encode())
    )


def test_malformed_inputs_are_refused_by_name_of_the_fault(team: Team) -> None:
    foreign = Foreign(team)
    assert len(MALFORMED) >= 20
    for name, (read, reason) in MALFORMED.items():
        with pytest.raises(BadInput, match=reason):
            pytest.fail(f"{name}: {read(foreign)!r}")


@pytest.fixture
def issued(team: Team) -> Certificate:
    team.services.authorities.create_intermediate(
        team.admin, slug="sub", name="Sub", subject=Subject(common_name="Sub"), parent="root"
    )
    team.services.catalog.update_profile(team.admin, "web", ca="sub")
    row = team.services.requests.submit(
        team.admin,
        team.application,
        profile="web",
        content={"subject": {"common_name": "A.example.com"}, "sans": {"dns": ["a.example.com"]}},
    )
    team.services.issuance.advance(row.id)
    return team.services.inventory.get(team.services.requests.get(row.id).certificate_id or "")


def test_each_format_is_read_by_others(team: Team, issued: Certificate, tmp_path: Path) -> None:
    export = team.services.export.export
    text = export(team.admin, issued.id, "pem", include_root=True)
    names = [c.subject.rfc4514_string() for c in x509.load_pem_x509_certificates(text.content)]
    assert names == ["CN=A.example.com", "CN=Sub", "CN=Root"]
    der = export(team.admin, issued.id, "der")
    assert x509.load_der_x509_certificate(der.content) == x509.load_pem_x509_certificate(issued.pem.encode())
    store = export(team.admin, issued.id, "pkcs12", password=PASSWORD)
    key, leaf, more = pkcs12.load_key_and_certificates(store.content, PASSWORD.encode())
    assert key is not None
    assert leaf is not None
    assert key.public_key() == leaf.public_key()
    assert [c.subject.rfc4514_string() for c in more] == ["CN=Sub"]
    java = export(team.admin, issued.id, "jks", password=PASSWORD)
    assert jks_entry(java.content, PASSWORD) == (
        "a.example.com",
        key.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, NoEncryption()),
        2,
    )
    assert "Entry type: PrivateKeyEntry" in read_by_java(java.content, tmp_path)
    events = team.services.audit_log.events(None, type_="certificate.exported")
    assert [(e.data["format"], e.data["with_key"]) for e in events] == [
        ("pem", False),
        ("der", False),
        ("pkcs12", True),
        ("jks", True),
    ]


def test_without_a_key_stores_hold_the_certificate(team: Team, tmp_path: Path) -> None:
    row = taken(team, from_pem_text(Foreign(team).pem))
    export = team.services.export.export
    store = export(team.admin, row.id, "pkcs12", password=PASSWORD)
    assert pkcs12.load_pkcs12(store.content, PASSWORD.encode()).key is None
    java = export(team.admin, row.id, "jks", password=PASSWORD)
    assert not java.with_key
    assert "Entry type: trustedCertEntry" in read_by_java(java.content, tmp_path)


@pytest.mark.parametrize(
    ("format_", "password"), [("pkcs12", None), ("jks", "short"), ("jks", "x" * 129), ("pem", PASSWORD)]
)
def test_passwords_are_asked_for_where_there_is_a_key(team: Team, format_: str, password: str | None) -> None:
    row = taken(team, from_pem_text(Foreign(team).pem))
    with pytest.raises(CertrailError) as refused:
        team.services.export.export(team.admin, row.id, format_, password=password)  # type: ignore[arg-type]
    assert refused.value.extra["field"] == "password"


def jks_entry(content: bytes, password: str) -> tuple[str, bytes, int]:
    """Alias, private key (PKCS#8, DER) and number of certificates, as Java's own reader takes them apart."""
    secret = password.encode("utf-16-be")
    assert hashlib.sha1(secret + b"Mighty Aphrodite" + content[:-20]).digest() == content[-20:]
    magic, version, count, kind, size = struct.unpack_from(">IIIIH", content)
    assert (magic, version, count, kind) == (0xFEEDFEED, 2, 1, 1)
    alias = content[18 : 18 + size].decode()
    at = 18 + size + 8
    (length,) = struct.unpack_from(">I", content, at)
    sealed = der_body(der_body(content[at + 4 : at + 4 + length])[16:])
    salt, check = sealed[:20], sealed[-20:]
    covered, plain, block = sealed[20:-20], b"", salt
    while len(plain) < len(covered):
        block = hashlib.sha1(secret + block).digest()
        plain += bytes(a ^ b for a, b in zip(covered[len(plain) : len(plain) + 20], block, strict=False))
    assert hashlib.sha1(secret + plain).digest() == check
    (certificates,) = struct.unpack_from(">I", content, at + 4 + length)
    return alias, plain, certificates


def der_body(value: bytes) -> bytes:
    """What is inside a DER value."""
    return value[2 + (value[1] & 0x7F) if value[1] & 0x80 else 2 :]


def read_by_java(content: bytes, folder: Path) -> str:
    """What Java's own keytool finds in a store."""
    (folder / "store.jks").write_bytes(content)
    store = ["-storetype", "JKS", "-keystore", "store.jks", "-storepass", PASSWORD]
    done = keytool("-list", "-v", *store, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
