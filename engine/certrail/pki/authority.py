"""Certificates of authorities (RFC 5280 section 4.2)."""

from datetime import datetime

from cryptography import x509

from certrail.domain.content import Subject
from certrail.pki.keys import PrivateKey, hash_for
from certrail.pki.names import to_name

CA_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def self_signed_root(
    subject: Subject,
    key: PrivateKey,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    max_path_length: int | None,
) -> x509.Certificate:
    """A root certificate, valid to the second; ``max_path_length=None`` sets no limit."""
    name = to_name(subject)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=max_path_length), critical=True)
        .add_extension(CA_KEY_USAGE, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, hash_for(key))
    )
