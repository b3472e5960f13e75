"""Requests and certificates made by hand: in order, odd, and unreadable."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.domain.content import KeyAlgorithm
from certrail.pki.keys import generate


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


def certificate(key: Any, host: str = "a") -> str:
    """For a name that the policy denies."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{host}.example.org")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    names = x509.SubjectAlternativeName([x509.DNSName(f"{host}.example.org")])
    return builder.add_extension(names, False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


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
