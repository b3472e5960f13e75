"""What somebody brings to be kept: a certificate, what is known of its chain, and perhaps its key."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certrail.domain.errors import BadInput
from certrail.pki.chain import (
    MOST_CERTIFICATES,
    is_issued_by,
    is_self_signed,
    issuer_of,
    path_upwards,
    reachable,
    read_certificates,
    unique,
)
from certrail.pki.decryption import open_pkcs12
from certrail.pki.keys import PrivateKey, from_pem
from certrail.pki.lenient import public_key_of, subject_of

_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
MOST_LISTED = 20


@dataclass(frozen=True)
class CertificateBundle:
    """One certificate.

    Attributes:
        issuers: as far up as they were given, nearest first.
    """

    certificate: x509.Certificate
    issuers: Sequence[x509.Certificate]
    key: PrivateKey | None = field(repr=False)


@dataclass(frozen=True)
class Entry:
    """One certificate among several in a PKCS#12 file.

    Attributes:
        fingerprint: SHA-256, hex, by which it can be chosen, as by each of its names.
        names: its friendly names, or that of its subject.
    """

    fingerprint: str
    names: Sequence[str]
    key: PrivateKey | None = field(repr=False)
    certificate: x509.Certificate


def from_pem_text(
    certificate: str, chain: str = "", private_key: str | None = None, password: str | None = None
) -> CertificateBundle:
    """Read PEM, in any order. The key may stand in the same text.

    The certificate is the one that the key belongs to; without a key, the one that issued none of the others.

    Raises:
        BadInput: naming the part that cannot be read or does not belong to the rest, or a key without a certificate.
    """
    given = read_certificates(certificate, "certificate", lenient=True)
    more = read_certificates(chain, "chain", lenient=True) if chain.strip() else []
    everything = unique([*given, *more])
    key = _only_key((certificate, chain), private_key, password)
    if key is None:
        return _belonging(_leaf(everything), everything, None, "chain" if more else "certificate")
    held = [c for c in everything if public_key_of(c) == key.public_key()]
    if not held:
        raise BadInput("The private key is not that of the certificate.", "private_key")
    return _belonging(_leaf(held), everything, key, "chain" if more else "certificate")


def from_pkcs12(content: bytes, password: str, chosen: str | None = None) -> CertificateBundle:
    """Read PKCS#12 (RFC 7292).

    Args:
        chosen: fingerprint or friendly name of the entry, needed where there are several.

    Raises:
        BadInput: it cannot be read, holds no certificate, the choice is missing or wrong, or a part does not belong
            to the rest.
    """
    entries = _entries(content, password)
    if chosen is not None:
        leaves = [entry for entry in entries if chosen in (entry.fingerprint, *entry.names)]
    else:
        leaves = [entry for entry in entries if entry.key or not _issues_another(entry, entries)]
    if len(leaves) != 1:
        shown = leaves or entries
        listed = "; ".join(f"{entry.names[0]} ({entry.fingerprint})" for entry in shown[:MOST_LISTED])
        raise BadInput(f"Choose one entry by its name or fingerprint: {listed}.", "entry")
    (leaf,) = leaves
    everything = [entry.certificate for entry in entries]
    if chosen is not None:
        # The other entries of a store are somebody else's business: only what is above this one is taken.
        return CertificateBundle(leaf.certificate, path_upwards(leaf.certificate, everything), leaf.key)
    return _belonging(leaf.certificate, everything, leaf.key, "pkcs12")


def _entries(content: bytes, password: str) -> list[Entry]:
    opened = open_pkcs12(content, password)
    if not opened.certificates:
        raise BadInput("There is no certificate in the file.", "pkcs12")
    # Equal certificates are one entry: some programs write the leaf again as the start of its chain.
    names: dict[x509.Certificate, list[str]] = {}
    for name, certificate in opened.certificates:
        names.setdefault(certificate, []).extend([name] if name else [])
    if len(names) > MOST_CERTIFICATES:
        raise BadInput(f"There are more than {MOST_CERTIFICATES} certificates in the file.", "pkcs12")
    if any(not isinstance(key, PrivateKey) for key in opened.keys):
        raise BadInput("This kind of key is not supported; use RSA, ECDSA or Ed25519.", "pkcs12")
    return [
        Entry(
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            names=list(dict.fromkeys(of_it)) or [subject_of(certificate)],
            key=next((key for key in opened.keys if key.public_key() == public_key_of(certificate)), None),
            certificate=certificate,
        )
        for certificate, of_it in names.items()
    ]


def _only_key(texts: Iterable[str], given: str | None, password: str | None) -> PrivateKey | None:
    """The key that was given, or that stands beside the certificates: never ignored there."""
    found = list(dict.fromkeys(block for text in texts for block in _KEY_BLOCK.findall(text)))
    if given is not None:
        return from_pem(given.encode(), password)
    if len(found) > 1:
        raise BadInput("There are several private keys in the text; give one.", "certificate")
    return from_pem(found[0].encode(), password) if found else None


def _leaf(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """What issues another one is no leaf, wherever it stands (in a circle of cross-signatures, the first is taken)."""
    return next(
        (c for c in certificates if not any(other != c and is_issued_by(other, c) for other in certificates)),
        certificates[0],
    )


def _belonging(
    leaf: x509.Certificate, everything: Sequence[x509.Certificate], key: PrivateKey | None, field_: str
) -> CertificateBundle:
    """The bundle, if all that was given belongs to it. Raises BadInput naming what does not, and what is missing."""
    others = [certificate for certificate in everything if certificate != leaf]
    path = path_upwards(leaf, others)
    above = reachable(leaf, others)
    stray = [certificate for certificate in others if certificate not in above]
    if stray:
        names = "; ".join(repr(subject_of(certificate)) for certificate in stray[:MOST_LISTED])
        last = path[-1] if path else leaf
        missing = (
            ""
            if is_self_signed(last)
            else f" The issuer of {subject_of(last)!r}, {issuer_of(last)!r}, is missing."
        )
        raise BadInput(
            f"What was given does not belong together: {names} did not issue {subject_of(leaf)!r}, nor anything"
            f" above it.{missing} Leave out what does not belong, or import each certificate by itself.",
            field_,
        )
    return CertificateBundle(leaf, path, key)


def _issues_another(entry: Entry, entries: Sequence[Entry]) -> bool:
    return any(other is not entry and is_issued_by(other.certificate, entry.certificate) for other in entries)
