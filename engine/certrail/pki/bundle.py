"""Facts read back from certificates, and the PKCS#12 form of a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from certrail.domain.errors import BadInput
from certrail.pki.keys import PrivateKey, described_key
from certrail.pki.names import described_general_names, from_name


@dataclass(frozen=True)
class CertificateFacts:
    """What the inventory keeps of a certificate.

    Attributes:
        serial: lower-case hex.
        fingerprint: SHA-256 of the DER, lower-case hex.
        names: alternative names by type.
    """

    pem: str
    serial: str
    fingerprint: str
    common_name: str
    names: dict[str, list[str]]
    key_algorithm: str
    not_before: datetime
    not_after: datetime


def certificate_facts(certificate: x509.Certificate) -> CertificateFacts:
    """Read a certificate, whoever made it: what certrail itself would not issue is described, not refused."""
    try:
        sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = described_general_names(sans)
    except x509.ExtensionNotFound:
        names = {}
    return CertificateFacts(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        common_name=from_name(certificate.subject).get("common_name", ""),
        names=names,
        key_algorithm=described_key(certificate.public_key()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def pkcs12(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    key: PrivateKey | None,
    password: str,
    name: str,
) -> bytes:
    """Certificate, key if there is one, and chain as one encrypted file (RFC 7292), ``name`` being its friendly name.

    Raises:
        BadInput: the password is empty, or the key is not that of the certificate.
    """
    if not password:
        raise BadInput("Give a password; a PKCS#12 file holds the private key.", "password")
    if key is not None and certificate.public_key() != key.public_key():
        raise BadInput("The private key is not that of the certificate.", "key")
    protection = BestAvailableEncryption(password.encode())
    return serialize_key_and_certificates(name.encode(), key, certificate, chain, protection)
