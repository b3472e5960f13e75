"""Facts read back from certificates, and the PKCS#12 form of a bundle."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)

from certrail.domain.errors import BadInput
from certrail.pki.keys import PrivateKey, described_key
from certrail.pki.lenient import alternative_names, common_names, public_key_of, readable, unreadable_parts
from certrail.pki.names import described_general_names

LONGEST_COMMON_NAME = 256
LONGEST_NAME_BYTES = 2048
LONGEST_SERIAL_BITS = 20 * 8


@dataclass(frozen=True)
class CertificateFacts:
    """What the inventory keeps of a certificate.

    Attributes:
        serial: lower-case hex.
        fingerprint: SHA-256 of the DER, lower-case hex.
        names: alternative names by type; `cn` has further common names.
        unreadable: parts that could not be read, in words.
    """

    pem: str
    serial: str
    fingerprint: str
    common_name: str
    names: dict[str, list[str]]
    key_algorithm: str
    not_before: datetime
    not_after: datetime
    unreadable: Sequence[str] = ()


def certificate_facts(certificate: x509.Certificate) -> CertificateFacts:
    """Read a certificate, whoever made it: what certrail itself would not issue is described, not refused.

    Raises:
        BadInput: a name or the serial number is such that no inventory can keep it.
    """
    extensions = readable(lambda: certificate.extensions)
    if extensions is None:
        names = alternative_names(certificate)
    else:
        names = {}
        with suppress(x509.ExtensionNotFound):
            sans = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = described_general_names(sans)
    further, common_name = _common_names(certificate)
    if further:
        names["cn"] = further
    key = public_key_of(certificate)
    _refuse_unstorable(certificate.serial_number, common_name, names)
    return CertificateFacts(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        common_name=common_name,
        names=names,
        key_algorithm=described_key(key) if key else certificate.public_key_algorithm_oid.dotted_string,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        unreadable=unreadable_parts(certificate),
    )


def _common_names(certificate: x509.Certificate) -> tuple[list[str], str]:
    """Further common names, and the most specific one, which is the last (RFC 2818 section 3.1)."""
    *further, last = common_names(certificate) or [""]
    return [name for name in dict.fromkeys(further) if name != last], last


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
        # An index counts bytes: PostgreSQL takes no row of it above a third of a page. Lower case may be longer.
        if (size := max(len(name.encode()), len(name.lower().encode()))) > LONGEST_NAME_BYTES:
            raise BadInput(
                f"A {kind} name of the certificate has {size} bytes; at most {LONGEST_NAME_BYTES} are kept.",
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
    if key is None:
        # Java takes a certificate without a key only where it is marked as trusted (2.16.840.1.113894.746875.1.1).
        entries = [PKCS12Certificate(one, _alias(one, name, certificate)) for one in (certificate, *chain)]
        return serialize_java_truststore(entries, protection)
    return serialize_key_and_certificates(name.encode(), key, certificate, chain, protection)


def _alias(one: x509.Certificate, name: str, leaf: x509.Certificate) -> bytes:
    """Each entry needs a name of its own: that of the leaf is given, others go by their fingerprint."""
    return name.encode() if one == leaf else one.fingerprint(hashes.SHA256()).hex()[:16].encode()
