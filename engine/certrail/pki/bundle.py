"""Facts read back from certificates."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.pki.keys import algorithm_of
from certrail.pki.names import from_general_names, from_name


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
    """Read a certificate."""
    try:
        names = from_general_names(
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        )
    except x509.ExtensionNotFound:
        names = {}
    return CertificateFacts(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        common_name=from_name(certificate.subject).get("common_name", ""),
        names=names,
        key_algorithm=algorithm_of(certificate.public_key()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )
