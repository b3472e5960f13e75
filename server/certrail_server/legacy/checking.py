"""Reads every certificate and key of an export before anything of it is loaded."""

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
from certrail_server.legacy import format as legacy

Report = Callable[[str, int, int], None]
"""Called with what is being done, with how many it is done, and how many there are."""


@dataclass(frozen=True)
class Checked:
    """What the certificates of an export say of themselves.

    Attributes:
        fingerprints: SHA-256, by the id that the export gives the certificate.
        revoked: by authority, all that its lists name, whether its certificate is in the export or not. So there is no
            moment in which a list lacks what is yet to be loaded.
    """

    fingerprints: dict[str, str] = field(default_factory=dict)
    revoked: dict[str, list[RevokedEntry]] = field(default_factory=dict)


def check(export: legacy.Export, report: Report) -> Checked:
    """Read them all. Raises BadInput, naming what cannot be read."""
    faults: list[str] = []
    checked = Checked()
    issuers: dict[str, x509.Certificate] = {}
    for authority in export.authorities:
        with _noted(faults, "authorities", authority):
            issuers[authority.slug] = _issuer(authority)
            checked.revoked[authority.slug] = [RevokedEntry(**dict(entry)) for entry in authority.revoked]
    seen: dict[str, str] = {}
    for done, certificate in enumerate(export.certificates, start=1):
        with _noted(faults, "certificates", certificate):
            leaf = offer_of(certificate).certificate
            facts = certificate_facts(leaf)
            if (same := seen.setdefault(facts.fingerprint, certificate.id)) != certificate.id:
                raise BadInput(f"It is the certificate of {same}, too; list it once.", "certificate")
            checked.fingerprints[certificate.id] = facts.fingerprint
            for slug, issuer in issuers.items() if certificate.revoked_at is not None else ():
                if is_signed_by(leaf, issuer):
                    checked.revoked[slug].append(_listed(certificate, facts))
        report("checked", done, len(export.certificates))
    if faults:
        more = f"; and {len(faults) - legacy.MOST_FAULTS} more" if len(faults) > legacy.MOST_FAULTS else ""
        raise BadInput(f"Nothing was loaded. {'; '.join(faults[: legacy.MOST_FAULTS])}{more}")
    return checked


def offer_of(certificate: legacy.Certificate) -> CertificateBundle:
    """The certificate as it is kept. Raises BadInput."""
    key = certificate.private_key.get_secret_value() if certificate.private_key else None
    return from_pem_text(certificate.certificate, certificate.chain, key)


def _issuer(authority: legacy.Authority) -> x509.Certificate:
    certificate = read_certificates(authority.certificate, "certificate")[0]
    key = keys.from_pem(authority.private_key.get_secret_value().encode())
    if key.public_key() != certificate.public_key():
        raise BadInput("The private key is not that of the certificate.", "private_key")
    return certificate


def _listed(certificate: legacy.Certificate, facts: CertificateFacts) -> RevokedEntry:
    assert certificate.revoked_at is not None
    return RevokedEntry(facts.serial, certificate.revoked_at, certificate.reason(), facts.not_after)


@contextmanager
def _noted(faults: list[str], kind: str, part: Any) -> Iterator[None]:
    """Go on after what is wrong with a part."""
    try:
        yield
    except BadInput as wrong:
        faults.append(legacy.told_of(kind, part, wrong))
