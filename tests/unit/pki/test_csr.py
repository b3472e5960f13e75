import base64
import ipaddress
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certrail.domain.content import KeyAlgorithm, Sans
from certrail.domain.errors import BadInput
from certrail.pki.csr import read_csr
from certrail.pki.keys import PrivateKey, hash_for
from certrail.pki.names import UPN

Build = x509.CertificateSigningRequestBuilder
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example.com")])
MakePem = Callable[..., str]


def asking(*extensions: x509.ExtensionType, critical: bool = False, name: x509.Name = NAME) -> Build:
    builder = Build().subject_name(name)
    for extension in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def usage(**bits: bool) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names.split()})


@pytest.fixture
def pem(key_for: Callable[..., PrivateKey]) -> MakePem:
    def make(builder: Build, algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256) -> str:
        key = key_for(algorithm)
        return builder.sign(key, hash_for(key)).public_bytes(Encoding.PEM).decode()

    return make


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_the_key_is_read(algorithm: KeyAlgorithm, pem: MakePem, key_for: Callable[..., PrivateKey]) -> None:
    facts = read_csr(pem(asking(), algorithm))
    assert facts.key_algorithm == algorithm
    assert facts.public_key == key_for(algorithm).public_key()


def test_subject_names_and_usages_are_read(pem: MakePem) -> None:
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("WEB.example.com"),
            x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
            x509.RFC822Name("jo@example.com"),
            x509.UniformResourceIdentifier("spiffe://example.com/web"),
            x509.OtherName(UPN, b"\x0c\x0fjo@corp.example"),
        ]
    )
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, x509.ObjectIdentifier("1.2.3.4")])
    facts = read_csr(pem(asking(names, usages, usage(digital_signature=True, key_agreement=True))))
    assert facts.subject.common_name == "web.example.com"
    assert facts.sans == Sans(
        dns=("web.example.com",),
        ip=("2001:db8::1",),
        email=("jo@example.com",),
        uri=("spiffe://example.com/web",),
        upn=("jo@corp.example",),
    )
    assert facts.key_usages == ("digitalSignature", "keyAgreement")
    assert facts.extended_key_usages == ("clientAuth", "1.2.3.4")


def test_all_domain_components_are_read(pem: MakePem) -> None:
    parts = [
        x509.NameAttribute(NameOID.DOMAIN_COMPONENT, part) for part in ("com", "example", "Corp", "Corp")
    ]
    facts = read_csr(pem(asking(name=x509.Name([*parts, *NAME]))))
    assert facts.subject.domain_components == ("Corp", "Corp", "example", "com")
    assert facts.subject.common_name == "web.example.com"


def test_a_bare_csr_asks_for_nothing_more(pem: MakePem) -> None:
    facts = read_csr(pem(asking(name=x509.Name([]))))
    assert facts.subject.is_empty()
    assert (facts.sans, facts.key_usages, facts.extended_key_usages) == (Sans(), (), ())


BEGIN, END = "-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----"
SHA1_SIGNED = """-----BEGIN CERTIFICATE REQUEST-----
MIICXzCCAUcCAQAwGjEYMBYGA1UEAwwPb2xkLmV4YW1wbGUuY29tMIIBIjANBgkq
hkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA54EtBw0jE/YfwhUhDtFwVgRaLV+vDsYX
dBiYeQ7SYuTx14RVCl73eSa//6hb3ugYchGQa6+rZIhBjIfdHYQJwZyl6GRh3qjs
kliAcyyd//PMXEfKX+Pl/1TdKF9WmqB1DxaM43xAsVgIEt6d+TGkAMPokmH+jDa0
GVprV4DsPuDyi0zuR2tBoAjTTpZh2rnAyqtDJJZpcopiWnJvGUoBjZ7flZUci2tN
wWORm+Ch1o7O3SsRrN29ZQEsuqZeU3/qLS6gzY7xa1SH9L7TcSB6PVXB4dWBc5WR
9Yeae3xEmmYOplLidOgzkecOf6ubFFX7sKruA0sgACp6t1zxwBeYlQIDAQABoAAw
DQYJKoZIhvcNAQEFBQADggEBAFOuLls27s7pBjg3LGzP1aSwq9LA84wIPaC7tZT3
ak8O7mAOK4TdK36FGs/eRnZZ/Rx6fVILJAbwt4TLApM/27UQV60OH7bHNSMrKLlo
1A++mkleIH98QLeLrItRnnhIQot04A8cqjNZsgZlxV4KNhrPaweBdMxT+wSverma
jzOoYzPrlF+/jGdxXS+cYbCc8nogR69aI7Lzb1f+BctRhfzehlK19dhf/5wTaiL4
G2DuYgONY6BEtB28D51G0ezritIiTmFaxLhtqZaWTrN1v4QZlr8J2b6Res6+LC/p
r4CjiNP//uHnzkJDiwRr8vLbAecvKZgDFgM/8nlmxYv3hkU=
-----END CERTIFICATE REQUEST-----
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no PEM certification request"),
        ("hello", "no PEM certification request"),
        ("\ud800", "no PEM certification request"),
        (f"{BEGIN}\nAAAA\n{END}", "cannot be read as PKCS#10"),
        (f"{BEGIN}\n\ud800\n{END}", "cannot be read as PKCS#10"),
    ],
)
def test_what_is_no_pem_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        read_csr(text)
    assert caught.value.extra["field"] == "csr"


def test_a_signature_that_does_not_fit_is_refused(pem: MakePem) -> None:
    lines = pem(asking()).split("\n")
    raw = bytearray(base64.b64decode("".join(lines[1:-2])))
    at = raw.index(b"web.example.com")
    raw[at : at + 3] = b"www"
    forged = "\n".join([lines[0], base64.b64encode(raw).decode(), *lines[-2:]])
    with pytest.raises(BadInput, match="signature does not fit"):
        read_csr(forged)


def test_a_weak_key_is_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)
    text = asking().sign(key, hash_for(key)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(BadInput, match="1024"):
        read_csr(text)


@pytest.mark.parametrize(
    ("extension", "critical", "part"),
    [
        (x509.SubjectAlternativeName([x509.DNSName("a_b.example")]), False, "not a DNS name"),
        (x509.SubjectAlternativeName([x509.DirectoryName(NAME)]), False, "a directoryName"),
        (x509.SubjectAlternativeName([x509.RegisteredID(UPN)]), False, "a registeredID"),
        (x509.SubjectAlternativeName([x509.OtherName(UPN, b"\x16\x03a@b")]), False, "UTF8String"),
        (
            x509.SubjectAlternativeName([x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")]),
            False,
            "an otherName",
        ),
        (usage(key_cert_sign=True), True, "key usages of a CA"),
        (x509.TLSFeature([x509.TLSFeatureType.status_request]), True, "critical extension"),
    ],
)
def test_what_is_not_supported_is_named(
    extension: x509.ExtensionType, critical: bool, part: str, pem: MakePem
) -> None:
    with pytest.raises(BadInput, match=part):
        read_csr(pem(asking(extension, critical=critical)))


def test_an_extension_that_would_not_be_given_is_refused_by_name(pem: MakePem) -> None:
    """Must-staple that was asked for and is missing is found out when a browser does not staple (RFC 7633)."""
    for extension, name in (
        (x509.TLSFeature([x509.TLSFeatureType.status_request]), r"must-staple \(RFC 7633\)"),
        (x509.NameConstraints([x509.DNSName("example.com")], None), "name constraints"),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), r"1\.2\.3\.4"),
    ):
        with pytest.raises(BadInput, match=name):
            read_csr(pem(asking(extension)))


def test_an_extension_that_the_issuer_sets_itself_is_no_obstacle(pem: MakePem) -> None:
    assert read_csr(pem(asking(x509.SubjectKeyIdentifier(bytes(20))))).sans == Sans()


def test_only_the_request_is_kept_of_a_text_and_no_private_key_is_taken(pem: MakePem) -> None:
    text = pem(asking())
    assert read_csr(f"Certificate Request:\n  Müller\n{text}\nthe end").pem == text
    assert read_csr(text.replace(" CERTIFICATE REQ", " NEW CERTIFICATE REQ")).pem == text
    with pytest.raises(BadInput, match="give one"):
        read_csr(text + text)
    for kind in ("", "EC ", "RSA ", "ENCRYPTED "):
        secret = f"-----BEGIN {kind}PRIVATE KEY-----\nc2VjcmV0\n-----END {kind}PRIVATE KEY-----\n"
        with pytest.raises(BadInput, match="holds a private key") as refused:
            read_csr(secret + text)
        assert "c2VjcmV0" not in str(refused.value)


def test_a_signature_with_sha1_is_refused_by_its_reason() -> None:
    """Generated as `openssl req -new -newkey rsa:2048 -nodes -sha1 -subj /CN=old` does."""
    with pytest.raises(BadInput, match="Signatures with SHA-1 are not taken"):
        read_csr(SHA1_SIGNED)


@pytest.mark.parametrize(
    ("oids", "part"),
    [((NameOID.TITLE,), "2.5.4.12"), ((NameOID.COMMON_NAME, NameOID.COMMON_NAME), "twice")],
)
def test_subjects_that_cannot_be_kept_whole_are_refused(
    oids: tuple[x509.ObjectIdentifier, ...], part: str, pem: MakePem
) -> None:
    name = x509.Name([x509.NameAttribute(oid, "x") for oid in oids])
    with pytest.raises(BadInput, match=part):
        read_csr(pem(asking(name=name)))
