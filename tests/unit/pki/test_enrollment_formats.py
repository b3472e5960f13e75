"""CSRs as clients write them, and the bodies of EST."""

import base64
import email
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from tests.support.programs import openssl
from tests.support.scep_client import CHALLENGE, common_name, rsa_key, scep_csr, self_signed

from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput
from certrail.pki.csr import accepted_csr, csr_pem, read_csr
from certrail.pki.der import one
from certrail.pki.enrollment.ber import Malformed, tlv
from certrail.pki.enrollment.csr_attributes import csr_attributes
from certrail.pki.enrollment.est_body import (
    LARGEST_REQUEST,
    certs_only,
    key_and_certificate,
    one_line,
    read_request_body,
)
from certrail.pki.enrollment.pkcs10 import challenge_of, parse_request, without_challenge

CURVE_KEY = ec.generate_private_key(ec.SECP256R1())


def out_of_order(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, forged: bool = False) -> bytes:
    """A CSR as strongSwan writes it: its attributes are in the order in which they were added, not that of DER."""
    name = "swan.example.com"
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(name))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    builder = builder.add_attribute(CHALLENGE, b"secret")
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    info, algorithm, _ = one(der).children()
    *front, attributes = info.children()
    turned = b"".join(a.raw for a in reversed(attributes.children()))
    body = tlv(0x30, b"".join(part.raw for part in front) + tlv(0xA0, turned))
    signed = body.replace(b"swan", b"swam") if forged else body
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, body + algorithm.raw + core.BitString(signature_bits(signature)).dump())


def signature_bits(signature: bytes) -> tuple[int, ...]:
    return tuple(octet >> bit & 1 for octet in signature for bit in range(7, -1, -1))


@pytest.mark.parametrize("key", [rsa_key(), CURVE_KEY], ids=["rsa", "ec"])
def test_attributes_in_another_order_than_ders_are_read(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> None:
    der = out_of_order(key)
    with pytest.raises(ValueError, match="InvalidSetOrdering"):
        list(x509.load_der_x509_csr(der).attributes)
    facts = read_csr(csr_pem(der))
    assert facts.sans.dns == ("swan.example.com",)
    assert facts.subject.common_name == "swan.example.com"
    assert facts.public_key == key.public_key()
    assert challenge_of(parse_request(der).csr) == "secret"
    assert facts.pem == csr_pem(der)


def test_the_signature_is_verified_over_the_bytes_that_came() -> None:
    """The copy in DER, from which such a request is read, has another encoding than the one that was signed."""
    der = out_of_order(rsa_key())
    parsed = parse_request(der)
    assert parsed.signed
    assert not parsed.csr.is_signature_valid
    forged = out_of_order(rsa_key(), forged=True)
    assert parse_request(forged).signed is False
    with pytest.raises(BadInput, match="does not fit its key"):
        read_csr(csr_pem(forged))


def test_a_csr_is_stored_without_its_challenge_password() -> None:
    for der in (scep_csr(rsa_key(), "device.example.com", "secret"), out_of_order(rsa_key())):
        stored = without_challenge(parse_request(der))
        assert b"secret" in der
        assert b"secret" not in stored
        facts = accepted_csr(csr_pem(stored))
        assert facts == replace(read_csr(csr_pem(der)), pem=facts.pem)
        with pytest.raises(BadInput, match="does not fit its key"):
            read_csr(csr_pem(stored))
    plain = scep_csr(rsa_key(), "device.example.com")
    assert without_challenge(parse_request(plain)) == plain


def test_300_mutated_csrs_end_in_words() -> None:
    chance = random.Random(2986)
    seeds = [out_of_order(CURVE_KEY), scep_csr(rsa_key(), "device.example.com", "secret")]
    refused = 0
    for number in range(300):
        data = bytearray(seeds[number % 2])
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        started = time.monotonic()
        try:
            read_csr(csr_pem(bytes(data)))
        except BadInput:
            refused += 1
        assert time.monotonic() - started < 2
    assert refused > 290


def test_a_body_is_base64_in_one_line_or_in_many_or_pem() -> None:
    der = scep_csr(rsa_key(), "device.example.com")
    pem = x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)
    for body in (
        base64.b64encode(der),
        base64.encodebytes(der),
        base64.encodebytes(der).replace(b"\n", b"\r\n"),
        pem,
    ):
        assert read_request_body(body) == der


@pytest.mark.parametrize(
    "body", [b"", b" \r\n ", b"\x30\x82\x01", b"====", b"a b!", b"A" * (LARGEST_REQUEST + 1)]
)
def test_a_body_that_is_no_base64_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="body"):
        read_request_body(body)


def test_an_answer_is_one_line_that_openssl_reads(tmp_path: Path) -> None:
    certificates = [self_signed(rsa_key(), "a"), self_signed(CURVE_KEY, "b")]  # type: ignore[arg-type]
    answer = one_line(certs_only(certificates))
    assert b"\n" not in answer
    (tmp_path / "answer.der").write_bytes(base64.b64decode(answer))
    done = openssl("pkcs7", "-inform", "DER", "-in", "answer.der", "-print_certs", "-noout", folder=tmp_path)
    assert done.returncode == 0
    text = done.stdout if isinstance(done.stdout, str) else done.stdout.decode()
    assert {line.split("CN = ")[-1].strip() for line in text.splitlines() if "subject" in line} == {"a", "b"}


def test_key_and_certificate_are_two_parts() -> None:
    certificates = certs_only([self_signed(rsa_key(), "a")])
    media_type, body = key_and_certificate(b"key in DER", certificates)
    message = email.message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode() + body)
    _, key, certificate = message.walk()
    assert key.get_content_type() == "application/pkcs8"
    assert key.get_payload(decode=True) == b"key in DER"
    assert certificate.get_param("smime-type") == "certs-only"
    der = certificate.get_payload(decode=True)
    assert isinstance(der, bytes)
    assert pkcs7.load_der_pkcs7_certificates(der)


def test_csr_attributes_name_key_types_and_signatures() -> None:
    der = csr_attributes([KeyAlgorithm.EC_P384, KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_2048])
    rsa_type, ec_type, *signatures = one(der).children()
    oid, sizes = rsa_type.children()
    assert oid.oid() == "1.2.840.113549.1.1.1"
    assert [size.integer() for size in sizes.children()] == [2048, 3072]
    oid, curves = ec_type.children()
    assert (oid.oid(), curves.children()[0].oid()) == ("1.2.840.10045.2.1", "1.3.132.0.34")
    assert [s.oid() for s in signatures] == ["1.2.840.113549.1.1.11", "1.2.840.10045.4.3.3"]
    assert csr_attributes([]) == b""
    assert one(csr_attributes([KeyAlgorithm.ED25519])).children()[0].oid() == "1.3.101.112"
