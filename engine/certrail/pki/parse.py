"""What somebody brings to be kept: a certificate, what is known of its chain, and perhaps its key."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, load_pkcs12

from certrail.domain.errors import BadInput
from certrail.pki.chain import (
    MOST_CERTIFICATES,
    is_signed_by,
    path_upwards,
    read_certificates,
    refuse_unreadable,
)
from certrail.pki.keys import PrivateKey, from_pem


@dataclass(frozen=True)
class CertificateBundle:
    """One certificate.

    Attributes:
        issuers: as far up as they were given, nearest first.
    """

    certificate: x509.Certificate
    issuers: Sequence[x509.Certificate]
    key: PrivateKey | None


@dataclass(frozen=True)
class Entry:
    """One certificate among several in a PKCS#12 file.

    Attributes:
        fingerprint: SHA-256, hex, by which it can be chosen, as by its name.
        name: its friendly name, or that of its subject.
    """

    fingerprint: str
    name: str
    has_key: bool
    certificate: x509.Certificate


def from_pem_text(
    certificate: str, chain: str = "", private_key: str | None = None, password: str | None = None
) -> CertificateBundle:
    """Read PEM. With a key, its certificate may be anywhere; without one it is the first.

    Raises:
        BadInput: naming the part that cannot be read, or a key without a certificate.
    """
    given = read_certificates(certificate, "certificate")
    more = read_certificates(chain, "chain") if chain.strip() else []
    if private_key is None:
        return _offered(given[0], [*given[1:], *more], None)
    key = from_pem(private_key.encode(), password)
    leaf = next((c for c in (*given, *more) if _holds(c, key)), None)
    if leaf is None:
        raise BadInput("The private key is not that of the certificate.", "private_key")
    return _offered(leaf, [c for c in (*given, *more) if c != leaf], key)


def from_pkcs12(content: bytes, password: str, chosen: str | None = None) -> CertificateBundle:
    """Read PKCS#12 (RFC 7292).

    Args:
        chosen: fingerprint or friendly name of the entry, needed where there are several.

    Raises:
        BadInput: it cannot be read, holds no certificate, or the choice is missing or wrong.
    """
    key, entries = _entries(content, password)
    leaves = [entry for entry in entries if entry.has_key or not _issues_another(entry, entries)]
    if chosen is not None:
        leaves = [entry for entry in entries if chosen in (entry.fingerprint, entry.name)]
    if len(leaves) != 1:
        listed = "; ".join(f"{entry.name} ({entry.fingerprint})" for entry in leaves or entries)
        raise BadInput(f"Choose one entry by its name or fingerprint: {listed}.", "entry")
    (leaf,) = leaves
    others = [entry.certificate for entry in entries if entry is not leaf]
    return _offered(leaf.certificate, others, key if leaf.has_key else None)


def _entries(content: bytes, password: str) -> tuple[PrivateKey | None, list[Entry]]:
    try:
        store = load_pkcs12(content, password.encode() or None)
    except Exception as err:
        # The parser has many ways to say no; each of them means the same to the sender.
        raise BadInput(
            f"The file cannot be read as PKCS#12 with this password ({type(err).__name__}).", "pkcs12"
        ) from None
    if store.key is not None and not isinstance(store.key, PrivateKey):
        raise BadInput("This kind of key is not supported; use RSA, ECDSA or Ed25519.", "pkcs12")
    found = [*([store.cert] if store.cert else []), *store.additional_certs]
    if not found:
        raise BadInput("There is no certificate in the file.", "pkcs12")
    if len(found) > MOST_CERTIFICATES:
        raise BadInput(f"There are more than {MOST_CERTIFICATES} certificates in the file.", "pkcs12")
    for number, one in enumerate(found, start=1):
        refuse_unreadable(one.certificate, number, "pkcs12")
    return store.key, [_entry(one, store.key) for one in found]


def _entry(one: PKCS12Certificate, key: PrivateKey | None) -> Entry:
    certificate = one.certificate
    name = one.friendly_name.decode(errors="replace") if one.friendly_name else ""
    return Entry(
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        name=name or certificate.subject.rfc4514_string(),
        has_key=key is not None and _holds(certificate, key),
        certificate=certificate,
    )


def _offered(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], key: PrivateKey | None
) -> CertificateBundle:
    return CertificateBundle(leaf, path_upwards(leaf, others), key)


def _holds(certificate: x509.Certificate, key: PrivateKey) -> bool:
    return certificate.public_key() == key.public_key()


def _issues_another(entry: Entry, entries: Sequence[Entry]) -> bool:
    return any(other is not entry and is_signed_by(other.certificate, entry.certificate) for other in entries)
