"""A certificate as a person reads it: names, usages, identifiers, and the chain above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from certrail.domain.formats import escaped

USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Link:
    """One certificate of a chain."""

    subject: str
    not_after: datetime
    fingerprint: str
    kind: str


@dataclass(frozen=True)
class Decoded:
    """What the certificate itself says."""

    subject: str
    issuer: str
    signature: str
    usages: Sequence[tuple[str, str]]
    chain: Sequence[Link]


def decoded(pem: str, chain: Sequence[str], root: str | None) -> Decoded:
    """Read a certificate and what is above it, the root first."""
    leaf = x509.load_pem_x509_certificate(pem.encode())
    above = [x509.load_pem_x509_certificate(text.encode()) for text in chain]
    links = [*([_link(x509.load_pem_x509_certificate(root.encode()), "root")] if root else [])]
    links += [_link(certificate, "intermediate") for certificate in reversed(above)]
    return Decoded(
        subject=_name(leaf.subject),
        issuer=_name(leaf.issuer),
        signature=leaf.signature_algorithm_oid._name,
        usages=list(_usages(leaf)),
        chain=[*links, _link(leaf, "this certificate")],
    )


def _link(certificate: x509.Certificate, kind: str) -> Link:
    return Link(
        _name(certificate.subject),
        certificate.not_valid_after_utc,
        certificate.fingerprint(SHA256()).hex(),
        kind,
    )


def _name(name: x509.Name) -> str:
    try:
        return escaped(name.rfc4514_string()) or "(empty)"
    except ValueError:
        return UNREADABLE


def _usages(certificate: x509.Certificate) -> Sequence[tuple[str, str]]:
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        return [("Extensions", UNREADABLE)]
    found = []
    for extension in extensions:
        value, critical = extension.value, " (critical)" if extension.critical else ""
        if isinstance(value, x509.KeyUsage):
            named = [name.replace("_", " ") for name in USAGES if getattr(value, name)]
            found.append(("Key usages", ", ".join(named) + critical))
        elif isinstance(value, x509.ExtendedKeyUsage):
            found.append(("Extended key usages", ", ".join(_usage(oid) for oid in value) + critical))
        elif isinstance(value, x509.BasicConstraints):
            authority = "certificate authority" if value.ca else "end entity"
            limit = "" if value.path_length is None else f", path length {value.path_length}"
            found.append(("Basic constraints", authority + limit + critical))
        elif isinstance(value, x509.CRLDistributionPoints):
            points = [name.value for point in value for name in point.full_name or ()]
            found.append(("Revocation lists", "\n".join(escaped(str(point)) for point in points)))
        elif isinstance(value, x509.AuthorityInformationAccess):
            for access in value:
                label = "OCSP responder" if access.access_method._name == "OCSP" else "Issuer's certificate"
                found.append((label, escaped(str(access.access_location.value))))
    return found


def _usage(oid: x509.ObjectIdentifier) -> str:
    return oid._name if oid._name != "Unknown OID" else oid.dotted_string
