"""Reads every certificate and private key of an export before anything is loaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from certrail.domain.errors import BadInput
from certrail.pki import keys
from certrail.pki.bundle import CertificateFacts, certificate_facts
from certrail.pki.chain import is_signed_by, read_certificates
from certrail.pki.parse import CertificateBundle, from_pem_text
from certrail.services.authorities.adoption import RevokedEntry
from certrail.services.migration.document import MAX_FAULTS, ProjectExport, fault_of
from certrail.services.migration.parts import Authority, Certificate

Progress = Callable[[str, int, int], None]
"""Called with the kind of object, the number done, and the total."""


@dataclass(frozen=True)
class Verified:
    """Facts read from the certificates of an export.

    Attributes:
        fingerprints: SHA-256 (hex) by the certificate's id in the export.
        revoked: by authority slug, every entry of its CRL, including certificates that the export itself holds. They
            are imported with the authority, so that no CRL is published without them while certificates still load.
    """

    fingerprints: dict[str, str] = field(default_factory=dict)
    revoked: dict[str, list[RevokedEntry]] = field(default_factory=dict)


def verify(export: ProjectExport, progress: Progress) -> Verified:
    """Read every certificate and key.

    Raises:
        BadInput: listing each object that cannot be read, or whose key belongs to another certificate.
    """
    faults: list[str] = []
    verified = Verified()
    issuers: dict[str, x509.Certificate] = {}
    for authority in export.authorities:
        with _collected(faults, "authorities", authority):
            issuers[authority.slug] = _ca_certificate(authority)
            verified.revoked[authority.slug] = [RevokedEntry(**dict(entry)) for entry in authority.revoked]
    seen: dict[str, str] = {}
    for done, certificate in enumerate(export.certificates, start=1):
        with _collected(faults, "certificates", certificate):
            leaf = bundle_of(certificate).certificate
            facts = certificate_facts(leaf)
            if (same := seen.setdefault(facts.fingerprint, certificate.id)) != certificate.id:
                raise BadInput(f"It is the same certificate as {same}; list it once.", "certificate")
            verified.fingerprints[certificate.id] = facts.fingerprint
            for slug, issuer in issuers.items() if certificate.revoked_at is not None else ():
                if is_signed_by(leaf, issuer):
                    verified.revoked[slug].append(_revoked_entry(certificate, facts))
        progress("verified", done, len(export.certificates))
    if faults:
        more = f"; and {len(faults) - MAX_FAULTS} more" if len(faults) > MAX_FAULTS else ""
        raise BadInput(f"Nothing was loaded. {'; '.join(faults[:MAX_FAULTS])}{more}")
    return verified


def bundle_of(certificate: Certificate) -> CertificateBundle:
    """The certificate with its issuers and its key. Raises BadInput."""
    key = certificate.private_key.get_secret_value() if certificate.private_key else None
    return from_pem_text(certificate.certificate, certificate.chain, key)


def _ca_certificate(authority: Authority) -> x509.Certificate:
    certificate = read_certificates(authority.certificate, "certificate")[0]
    key = keys.from_pem(authority.private_key.get_secret_value().encode())
    if key.public_key() != certificate.public_key():
        raise BadInput("The private key is not that of the certificate.", "private_key")
    return certificate


def _revoked_entry(certificate: Certificate, facts: CertificateFacts) -> RevokedEntry:
    assert certificate.revoked_at is not None
    return RevokedEntry(facts.serial, certificate.revoked_at, certificate.reason(), facts.not_after)


@contextmanager
def _collected(faults: list[str], kind: str, part: Any) -> Iterator[None]:
    """Collect a fault and go on, so that one run reports them all."""
    try:
        yield
    except BadInput as wrong:
        faults.append(fault_of(kind, part, wrong))
