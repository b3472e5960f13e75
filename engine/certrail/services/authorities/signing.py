"""An authority by its reference, the versions of its certificate, and the one that it issues with."""

from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.domain.errors import Conflict
from certrail.domain.states import AuthorityStatus
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import CaCertificate, CaKey, CertificateAuthority
from certrail.pki.signer import KeyName
from certrail.services.authorities.signing_port import remember_keys
from certrail.services.core.lookup import find


class Issuer(NamedTuple):
    """An authority with the version of its certificate that it issues with, parsed."""

    authority: CertificateAuthority
    version: CaCertificate
    certificate: x509.Certificate


def find_authority(session: Session, reference: str) -> CertificateAuthority:
    """By slug or id. Raises NotFound."""
    return find(session, CertificateAuthority, reference, "certificate authority")


def lock_authority(session: Session, reference: str, *, for_deletion: bool = False) -> CertificateAuthority:
    """By slug or id, under a row lock until the transaction ends. Raises NotFound."""
    ident = find_authority(session, reference).id
    query = select(CertificateAuthority).where(CertificateAuthority.id == ident)
    return session.exec(locked(query, for_deletion=for_deletion)).one()


def issuer_of(session: Session, ca_id: str) -> Issuer:
    """The authority as it issues now; parsed once a transaction. Raises Conflict when it is disabled or pending."""

    def load() -> Issuer:
        version = active_certificate(session, ca_id)
        return Issuer(session.get_one(CertificateAuthority, ca_id), version, loaded(version))

    return cached(session, ("issuer", ca_id), load)


def active_certificate(session: Session, ca_id: str) -> CaCertificate:
    """The certificate that an authority issues with now. Raises Conflict when it is disabled, pending or revoked."""
    return cached(session, ("active", ca_id), lambda: _active_certificate(session, ca_id))


def remember_active(session: Session, authority: CertificateAuthority, issuer: CaCertificate) -> None:
    """For a caller that loaded both already: within `session_cache`, `active_certificate` queries nothing."""
    if authority.status != AuthorityStatus.DISABLED and issuer.revoked_at is None:
        cached(session, ("active", authority.id), lambda: issuer)


def _active_certificate(session: Session, ca_id: str) -> CaCertificate:
    authority = session.get_one(CertificateAuthority, ca_id)
    if authority.status == AuthorityStatus.DISABLED:
        raise Conflict(f"The authority {authority.slug} is disabled; enable it to sign.", kind="ca-disabled")
    found = present_certificate(session, ca_id)
    if found is not None and found.revoked_at is not None:
        raise Conflict(
            f"The certificate of the authority {authority.slug} is revoked; renew the authority with a new key.",
            kind="ca-revoked",
        )
    if found is None:
        raise Conflict(
            f"The authority {authority.slug} has no certificate yet: have its CSR signed and install the answer.",
            kind="ca-pending",
        )
    return found


def present_certificate(session: Session, ca_id: str) -> CaCertificate | None:
    """The newest certificate that was installed, also of an authority that may not sign with it."""
    return next((version for version in versions_of(session, ca_id) if version.active), None)


def key_to_certify(session: Session, ca_id: str) -> KeyName:
    """The key that the next certificate is for: one that has no certificate yet, else the active one."""
    certified = {version.spki: version for version in versions_of(session, ca_id)}
    spkis = [row.spki for row in keys_of(session, ca_id)]
    waiting = [spki for spki in spkis if spki not in certified]
    active = [spki for spki in spkis if spki in certified and certified[spki].active]
    return KeyName(ca_id, (waiting or active)[-1])


def keys_of(session: Session, ca_id: str) -> Sequence[CaKey]:
    """All keys of an authority, oldest first."""
    oldest = (col(CaKey.created_at), col(CaKey.id))
    found = session.exec(select(CaKey).where(CaKey.ca_id == ca_id).order_by(*oldest)).all()
    remember_keys(session, found)
    return found


def versions_of(session: Session, ca_id: str) -> Sequence[CaCertificate]:
    """All certificates of an authority, newest first."""
    newest = col(CaCertificate.version).desc()
    return session.exec(select(CaCertificate).where(CaCertificate.ca_id == ca_id).order_by(newest)).all()


def loaded(version: CaCertificate) -> x509.Certificate:
    """The certificate, parsed."""
    return x509.load_pem_x509_certificate(version.pem.encode())


def loaded_chain(version: CaCertificate) -> list[x509.Certificate]:
    """The certificates above it up to the root, parsed."""
    return [x509.load_pem_x509_certificate(pem.encode()) for pem in version.chain]
