"""Keys for which nothing is signed any more: known weak ones, and those of certificates revoked for keyCompromise."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from sqlmodel import Session

from certrail.domain.errors import Conflict
from certrail.persistence.tables import Certificate, CompromisedKey
from certrail.pki.keys import spki_fingerprint
from certrail.pki.lenient import public_key_of
from certrail.pki.revocation import Reason
from certrail.pki.weak_keys import refuse_weak
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork


def refuse_unsafe_key(
    context: ServiceContext, session: Session, key: PublicKeyTypes, field: str = "csr"
) -> None:
    """Let nothing be signed for a key that others may hold.

    Raises:
        BadInput: a known weakness.
        Conflict: a certificate with it was revoked for keyCompromise (Baseline Requirements, section 6.1.1.3).
    """
    refuse_weak(key, context.key_blocklist, field)
    if session.get(CompromisedKey, spki_fingerprint(key)) is not None:
        raise Conflict(
            "A certificate with this key was revoked for keyCompromise. Make a new key; do not use this one again.",
            kind="compromised-key",
            field=field,
        )


def key_of(certificate: Certificate) -> PublicKeyTypes | None:
    """The public key of a certificate in the inventory; ``None`` where its kind is not known here."""
    return public_key_of(x509.load_pem_x509_certificate(certificate.pem.encode()))


def note_compromise(uow: UnitOfWork, certificate: Certificate) -> None:
    """Remember the key of a certificate that is revoked for keyCompromise, also beyond the certificate's deletion."""
    if certificate.revocation_reason != Reason.KEY_COMPROMISE:
        return
    if (key := key_of(certificate)) is None:
        return
    note_compromised_spki(uow, spki_fingerprint(key))


def note_compromised_spki(uow: UnitOfWork, spki: str) -> None:
    """The same, by the SHA-256 of the SubjectPublicKeyInfo."""
    if uow.session.get(CompromisedKey, spki) is None:
        uow.session.add(CompromisedKey(spki=spki, noted_at=uow.now))
