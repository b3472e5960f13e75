"""What the field brings: certificates, chains and stores that other programs wrote, each read as its standard says."""

import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_key_and_certificates,
)
from cryptography.x509.oid import NameOID

from certrail.domain.errors import BadInput
from certrail.pki.bundle import certificate_facts
from certrail.pki.chain import path_to_root, path_upwards, read_certificates
from certrail.pki.lenient import unreadable_parts
from certrail.pki.parse import from_pem_text, from_pkcs12

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
PASSWORD = "geheim12"


class Party:
    """A key and the certificates that others make for it."""

    def __init__(self, name: str | x509.Name, *, ca: bool = False) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name if isinstance(name, x509.Name) else cn(name)
        self.ca = ca

    def by(self, issuer: "Party", not_after: datetime = NOW + timedelta(days=400)) -> x509.Certificate:
        """A certificate by this issuer."""
        return (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(self.ca, None), True)
            .sign(issuer.key, hashes.SHA256())
        )

    @property
    def key_pem(self) -> str:
        """PKCS#8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def cn(*names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])


def pem(*certificates: x509.Certificate) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def root() -> Party:
    return Party("Root A", ca=True)


@pytest.fixture(scope="module")
def issuing() -> Party:
    return Party("Issuing A", ca=True)


def test_the_certificate_is_the_one_that_issued_no_other_wherever_it_stands(
    root: Party, issuing: Party
) -> None:
    leaf = Party("leaf.example.com").by(issuing)
    for order in ((root.by(root), issuing.by(root), leaf), (issuing.by(root), leaf, root.by(root))):
        found = from_pem_text(pem(*order))
        assert found.certificate == leaf
        assert [issuer.subject for issuer in found.issuers] == [issuing.name, root.name]


def test_a_wrong_intermediate_is_refused_by_name_with_the_missing_issuer(root: Party, issuing: Party) -> None:
    other = Party("Issuing B", ca=True)
    me = Party("leaf.example.com")
    with pytest.raises(
        BadInput, match=r"'CN=Issuing B' did not issue .*'CN=Issuing A', is missing"
    ) as refused:
        from_pem_text(pem(me.by(issuing)), pem(other.by(root)), me.key_pem)
    assert refused.value.extra["field"] == "chain"
    with pytest.raises(BadInput, match="does not belong together"):
        from_pem_text(pem(me.by(issuing), Party("another.example.com").by(issuing)))
    store = serialize_key_and_certificates(
        b"leaf", me.key, me.by(issuing), [other.by(root)], BestAvailableEncryption(PASSWORD.encode())
    )
    with pytest.raises(BadInput, match=r"Choose one entry|does not belong together"):
        from_pkcs12(store, PASSWORD)


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_cross_signed_issuer_the_way_to_a_root_is_found(
    root: Party, issuing: Party, turned: bool
) -> None:
    """RFC 4158 section 2.4: the first certificate of an issuer may be a dead end."""
    elsewhere = Party("Root that was not sent", ca=True)
    leaf = Party("leaf.example.com").by(issuing)
    chain = [issuing.by(elsewhere), issuing.by(root), root.by(root)]
    found = from_pem_text(pem(leaf), pem(*(reversed(chain) if turned else chain)))
    assert [issuer.subject for issuer in found.issuers] == [issuing.name, root.name]
    assert found.issuers[-1].issuer == root.name


def test_authorities_that_sign_each_other_end_the_search(root: Party) -> None:
    one, other = Party("One", ca=True), Party("Other", ca=True)
    leaf = Party("leaf.example.com").by(one)
    circle = [one.by(other), other.by(one)]
    assert path_upwards(leaf, circle) == circle
    many = [Party(f"CA {n % 2}", ca=True) for n in range(2)]
    crossed = [a.by(b) for _ in range(9) for a in many for b in many if a is not b]
    assert len(path_upwards(leaf, [*circle, *crossed])) == 2


def test_a_root_that_signs_itself_with_sha1_is_a_root(tmp_path: Path) -> None:
    """A trust anchor's own signature proves nothing and is not verified (RFC 5280 section 6.1)."""
    request = "req -x509 -newkey rsa:2048 -nodes -keyout r.key -out r.pem -days 900 -sha1 -subj /CN=Old"
    openssl(tmp_path, *request.split())
    openssl(
        tmp_path,
        *["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "i.key", "-out", "i.csr", "-subj", "/CN=Int"],
    )
    (tmp_path / "ca.ext").write_text("basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n")
    signing = "x509 -req -in i.csr -CA r.pem -CAkey r.key -set_serial 7 -days 90 -extfile ca.ext"
    for hash_ in ("sha256", "sha1"):
        openssl(tmp_path, *signing.split(), f"-{hash_}", "-out", f"{hash_}.pem")
    old, good, weak = (
        read_certificates((tmp_path / f"{name}.pem").read_text(), "chain")[0]
        for name in ("r", "sha256", "sha1")
    )
    assert path_to_root(good, [old], "chain") == [old]
    assert from_pem_text(pem(good), pem(old)).issuers == [old]
    with pytest.raises(BadInput, match="signed with SHA1, which is broken"):
        path_to_root(weak, [old], "chain")


def test_equal_certificates_in_a_store_are_one_entry(root: Party) -> None:
    me = Party("leaf.example.com")
    leaf = me.by(root)
    again = PKCS12Certificate(leaf, b"again")
    content = serialize_key_and_certificates(
        b"leaf", me.key, leaf, [again], BestAvailableEncryption(PASSWORD.encode())
    )
    found = from_pkcs12(content, PASSWORD)
    assert (found.certificate, found.key is not None) == (leaf, True)
    assert from_pkcs12(content, PASSWORD, "again").key is not None


def test_of_a_store_with_several_keys_each_entry_has_its_own(tmp_path: Path) -> None:
    """As `keytool -importkeystore` writes them; found by what the keys are, which `localKeyID` only claims."""
    for name in ("first", "second"):
        subject = (
            f"req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 9 -subj /CN={name}"
        )
        openssl(tmp_path, *subject.split())
        single = f"pkcs12 -export -inkey {name}.key -in {name}.pem -name {name} -out {name}.p12"
        openssl(tmp_path, *single.split(), "-passout", f"pass:{PASSWORD}")
    content = two_keys([(tmp_path / f"{name}.p12").read_bytes() for name in ("first", "second")])
    for name in ("first", "second"):
        found = from_pkcs12(content, PASSWORD, name)
        assert found.certificate.subject == cn(name)
        assert found.key is not None
        assert found.key.public_key() == found.certificate.public_key()
    with pytest.raises(BadInput, match="Choose one entry"):
        from_pkcs12(content, PASSWORD)


def two_keys(stores: Sequence[bytes]) -> bytes:
    """One store without a MAC, made of the safes of others."""
    from certrail.pki.der import one

    safes = b""
    for store in stores:
        info = one(store).children()[1]
        safes += one(one(info.children()[1].content).content).content
    data = wrapped(0x06, bytes.fromhex("2a864886f70d010701"))
    content = wrapped(0x30, data + wrapped(0xA0, wrapped(0x04, wrapped(0x30, safes))))
    return wrapped(0x30, wrapped(0x02, b"\x03") + content)


def wrapped(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def test_of_several_common_names_the_most_specific_is_shown_and_all_are_kept(root: Party) -> None:
    """RFC 2818 section 3.1; a directory's path is written from the top down."""
    names = ("Configuration", "Services", "Public Key Services", "the-host.example.com")
    facts = certificate_facts(Party(cn(*names)).by(root))
    assert facts.common_name == "the-host.example.com"
    assert facts.names["cn"] == list(names[:-1])


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(root: Party) -> None:
    me = Party(cn("Muller GmbH"))
    content = bytearray(me.by(root).public_bytes(Encoding.DER))
    at = content.index(b"\x0c\x0bMuller GmbH")
    content[at : at + 4] = b"\x14\x0bM\xfc"  # T61String, written in Latin-1 as programs of the time did
    broken = x509.load_der_x509_certificate(bytes(content))
    facts = certificate_facts(broken)
    assert facts.common_name == "Müller GmbH"
    assert facts.unreadable == unreadable_parts(broken)
    assert any("T61String" in part for part in facts.unreadable)
    assert from_pem_text(pem(broken)).certificate == broken
    with pytest.raises(BadInput, match="T61String") as refused:
        read_certificates(pem(broken), "chain")
    assert "Error" not in refused.value.detail


def test_a_name_is_measured_in_bytes(root: Party) -> None:
    """An index of PostgreSQL takes no row above a third of a page, whatever the letters are."""
    with pytest.raises(BadInput, match="bytes; at most"):
        certificate_facts(_with_dns(root, "\u00fc" * 1100))
    assert certificate_facts(_with_dns(root, "a" * 1100)).names["dns"] == ["a" * 1100]


def _with_dns(root: Party, name: str) -> x509.Certificate:
    size = len(name.encode())
    # The library encodes ASCII only; the bytes are put in afterwards, as other programs write them.
    placeholder = "x" * size
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.name)
        .public_key(root.key.public_key())
        .serial_number(5)
        .not_valid_before(NOW)
        .not_valid_after(FOREVER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(placeholder)]), False)
        .sign(root.key, hashes.SHA256())
    )
    content = certificate.public_bytes(Encoding.DER).replace(placeholder.encode(), name.encode())
    return x509.load_der_x509_certificate(content)


def test_a_key_in_the_same_text_is_not_ignored(root: Party) -> None:
    me = Party("leaf.example.com")
    found = from_pem_text(me.key_pem + pem(me.by(root)))
    assert found.key is not None
    other = Party("other.example.com")
    with pytest.raises(BadInput, match="not that of the certificate"):
        from_pem_text(other.key_pem + pem(me.by(root)))


def test_bytes_that_mean_nothing_are_refused_in_words(root: Party) -> None:
    leaf = Party("leaf.example.com").by(root).public_bytes(Encoding.DER)
    reasons = []
    for at in range(0, len(leaf), 3):
        content = bytearray(leaf)
        content[at] ^= os.urandom(1)[0] | 1
        try:
            certificate_facts(from_pem_text(pem_of(bytes(content))).certificate)
        except BadInput as refusal:
            reasons.append(refusal.detail)
    assert reasons
    assert not [reason for reason in reasons if "Error" in reason or "Exception" in reason]


def pem_of(der: bytes) -> str:
    import base64

    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
