"""Facts read back from certificates, and the PKCS#12 form of a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from certrail.domain.errors import BadInput
from certrail.domain.formats import LONGEST_URI
from certrail.pki.keys import PrivateKey, described_key
from certrail.pki.names import described_general_names, from_name

LONGEST_COMMON_NAME = 256
LONGEST_SERIAL_BITS = 20 * 8


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
    """Read a certificate, whoever made it: what certrail itself would not issue is described, not refused.

    Raises:
        BadInput: a name or the serial number is such that no inventory can keep it.
    """
    try:
        sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = described_general_names(sans)
    except x509.ExtensionNotFound:
        names = {}
    common_name = from_name(certificate.subject).get("common_name", "")
    _refuse_unstorable(certificate.serial_number, common_name, names)
    return CertificateFacts(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        common_name=common_name,
        names=names,
        key_algorithm=described_key(certificate.public_key()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _refuse_unstorable(serial: int, common_name: str, names: Mapping[str, Sequence[str]]) -> None:
    if serial.bit_length() > LONGEST_SERIAL_BITS:
        raise BadInput(
            "The serial number is longer than the 20 octets of RFC 5280 section 4.1.2.2.", "certificate"
        )
    if len(common_name) > LONGEST_COMMON_NAME:
        raise BadInput(
            f"The common name has {len(common_name)} characters; at most {LONGEST_COMMON_NAME} are kept.",
            "certificate",
        )
    for kind, name in (
        ("common", common_name),
        *((kind, n) for kind, of_kind in names.items() for n in of_kind),
    ):
        if "\0" in name:
            raise BadInput(f"A {kind} name of the certificate holds the character NUL.", "certificate")
        if len(name) > LONGEST_URI:
            raise BadInput(
                f"A {kind} name of the certificate has {len(name)} characters; at most {LONGEST_URI} are kept.",
                "certificate",
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
