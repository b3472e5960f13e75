"""An authority by its name, and what it signs with: its present certificate and the key of that."""

from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.crypto.keyring import Keyring
from certrail.domain.errors import Conflict
from certrail.persistence.database import cached, locked
from certrail.persistence.tables import CaCertificate, CaKey, CertificateAuthority
from certrail.pki import keys
from certrail.services.core.lookup import find

CA_KEY_PURPOSE = "ca-key"


class Signer(NamedTuple):
    """An authority, and what it signs with now; `spki` is the SHA-256 of its key."""

    authority: CertificateAuthority
    issuer: CaCertificate
    certificate: x509.Certificate
    key: keys.PrivateKey
    spki: str


def find_authority(session: Session, reference: str) -> CertificateAuthority:
    """By slug or id. Raises NotFound."""
    return find(session, CertificateAuthority, reference, "certificate authority")


def lock_authority(session: Session, reference: str) -> CertificateAuthority:
    """By slug or id, held until the transaction ends. Raises NotFound."""
    ident = find_authority(session, reference).id
    return session.exec(locked(select(CertificateAuthority).where(CertificateAuthority.id == ident))).one()


def signer(keyring: Keyring, session: Session, ca_id: str) -> Signer:
    """What signs in the name of an authority now. Raises Conflict when it may not, or not yet."""

    def ask() -> Signer:
        issuer = active_certificate(session, ca_id)
        key = key_of(keyring, session, issuer)
        return Signer(
            session.get_one(CertificateAuthority, ca_id), issuer, loaded(issuer), key, spki_of(issuer)
        )

    return cached(session, ("signer", ca_id), ask)


def active_certificate(session: Session, ca_id: str) -> CaCertificate:
    """The certificate that an authority signs with now. Raises Conflict when it may not, or not yet."""
    return cached(session, ("active", ca_id), lambda: _active_certificate(session, ca_id))


def _active_certificate(session: Session, ca_id: str) -> CaCertificate:
    authority = session.get_one(CertificateAuthority, ca_id)
    if authority.status == "disabled":
        raise Conflict(f"The authority {authority.slug} is disabled; enable it to sign.", kind="ca-disabled")
    found = next((version for version in versions_of(session, ca_id) if version.active), None)
    if found is None:
        raise Conflict(
            f"The authority {authority.slug} has no certificate yet: have its CSR signed and install the answer.",
            kind="ca-pending",
        )
    return found


def key_of(keyring: Keyring, session: Session, certificate: CaCertificate) -> keys.PrivateKey:
    """The private key of one version of an authority's certificate."""
    spki = spki_of(certificate)
    row = session.exec(select(CaKey).where(CaKey.ca_id == certificate.ca_id, CaKey.spki == spki)).one()
    return opened(keyring, row)


def key_to_certify(keyring: Keyring, session: Session, ca_id: str) -> keys.PrivateKey:
    """The key that the next certificate is for: one that has none yet, else the present one."""
    certified = {spki_of(version): version for version in versions_of(session, ca_id)}
    rows = keys_of(session, ca_id)
    waiting = [row for row in rows if row.spki not in certified]
    present = [row for row in rows if row.spki in certified and certified[row.spki].active]
    return opened(keyring, (waiting or present)[-1])


def keys_of(session: Session, ca_id: str) -> Sequence[CaKey]:
    """All keys of an authority, oldest first."""
    oldest = (col(CaKey.created_at), col(CaKey.id))
    return session.exec(select(CaKey).where(CaKey.ca_id == ca_id).order_by(*oldest)).all()


def versions_of(session: Session, ca_id: str) -> Sequence[CaCertificate]:
    """All certificates of an authority, newest first."""
    newest = col(CaCertificate.version).desc()
    return session.exec(select(CaCertificate).where(CaCertificate.ca_id == ca_id).order_by(newest)).all()


def loaded(certificate: CaCertificate) -> x509.Certificate:
    """The certificate itself."""
    return x509.load_pem_x509_certificate(certificate.pem.encode())


def loaded_chain(certificate: CaCertificate) -> list[x509.Certificate]:
    """The certificates above it, up to the root."""
    return [x509.load_pem_x509_certificate(pem.encode()) for pem in certificate.chain]


def spki_of(certificate: CaCertificate) -> str:
    """By which its key is found."""
    return keys.spki_fingerprint(loaded(certificate).public_key())


def opened(keyring: Keyring, row: CaKey) -> keys.PrivateKey:
    """A private key, out of its envelope."""
    return keys.from_pem(keyring.open(row.key_sealed, CA_KEY_PURPOSE))


def new_serial() -> int:
    """An unguessable positive serial number of at most 20 octets (RFC 5280 section 4.1.2.2)."""
    return x509.random_serial_number()
