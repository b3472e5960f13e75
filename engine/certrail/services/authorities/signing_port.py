"""The signing port: everything that an authority signs goes through it, and no other module knows where its keys are.

A key is held by a signer. The built-in one keeps private keys as envelopes in the database and opens them for a
signature. Others, such as an HSM or another CA, are named in `ServiceContext.signers`; their contract is
`certrail.pki.signer`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from sqlmodel import Session, select

from certrail.crypto.purposes import CA_KEY_PURPOSE, OCSP_KEY_PURPOSE, of_row
from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput, Conflict
from certrail.persistence.database import cached
from certrail.persistence.tables import CaCertificate, CaKey, CertificateAuthority, OcspSigner
from certrail.pki import keys
from certrail.pki.signer import KeyHolder, KeyName, Pending, RemoteSigner, Signed, SigningOrder
from certrail.pki.templates import Template
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

T = TypeVar("T")

BUILT_IN = "built-in"
"""Name of the signer that keeps keys in the database."""


@dataclass(frozen=True)
class NewKey:
    """A key pair that is not stored yet. Its private half is this module's alone."""

    public_key: keys.PublicKey
    _private_key: keys.PrivateKey = field(repr=False)


def generate_key(algorithm: KeyAlgorithm) -> NewKey:
    """A new key pair. Outside of the transaction, where possible: a large RSA key takes seconds."""
    key = keys.generate(algorithm)
    return NewKey(key.public_key(), key)


def read_key(pem: str, public_key: PublicKeyTypes) -> NewKey:
    """The key pair of a private key, PEM, not encrypted. Raises BadInput unless it belongs to the public key."""
    key = keys.from_pem(pem.encode())
    if key.public_key() != public_key:
        raise BadInput("The private key is not that of the certificate.", "private_key")
    return NewKey(key.public_key(), key)


def store_key(uow: UnitOfWork, authority: CertificateAuthority, key: NewKey) -> KeyName:
    """Add a key to an authority, its private half in an envelope."""
    name = KeyName(authority.id, keys.spki_fingerprint(key.public_key))
    ident = uow.new_id()
    sealed = uow.context.keyring.seal(keys.to_pem(key._private_key), of_row(CA_KEY_PURPOSE, ident))
    uow.session.add(
        CaKey(
            id=ident,
            created_at=uow.now,
            ca_id=authority.id,
            algorithm=authority.key_algorithm,
            spki=name.spki,
            public_key=keys.public_pem(key.public_key),
            signer=BUILT_IN,
            key_sealed=sealed,
        )
    )
    return name


def public_key(session: Session, name: KeyName) -> keys.PublicKey:
    """The public half of a key."""
    return keys.from_public_pem(_row(session, name).public_key)


def remote_signer_of(context: ServiceContext, session: Session, name: KeyName) -> str | None:
    """The name of the remote signer that holds a key; ``None`` where `sign` signs at once."""
    if not any(isinstance(signer, RemoteSigner) for signer in context.signers.values()):
        return None
    signer = _row(session, name).signer
    return signer if isinstance(context.signers.get(signer), RemoteSigner) else None


def sign(context: ServiceContext, session: Session, name: KeyName, template: Template[T]) -> T:
    """Sign within the transaction.

    Raises:
        Conflict: the signer is not configured here (``unknown-signer``), may answer later (``remote-signer``), or
            the issuer may not sign this.
    """
    # A chunk of the renewal sweep signs a hundred times: an envelope is opened once a transaction.
    opened = cached(session, ("opened-key", *name), lambda: _private_key(context, _row(session, name)))
    return template.sign(opened)


def sign_remotely(context: ServiceContext, signer: str, order: SigningOrder[T]) -> Signed[T] | Pending:
    """Have a remote signer sign, outside of any transaction: its answer may take seconds, and locks would wait.

    Raises:
        CertrailError: it refuses the order, or is not configured in this process (``unknown-signer``).
    """
    remote = context.signers.get(signer)
    if not isinstance(remote, RemoteSigner):
        raise Conflict(f"The signer {signer} is not configured in this process.", kind="unknown-signer")
    return remote.sign(order)


def create_ocsp_key(context: ServiceContext, signer_id: str) -> tuple[keys.PublicKey, str]:
    """A key of a delegated OCSP signer and its envelope. It is held here for every authority: it lives for days."""
    key = keys.generate(KeyAlgorithm.EC_P256)
    return key.public_key(), context.keyring.seal(keys.to_pem(key), of_row(OCSP_KEY_PURPOSE, signer_id))


def sign_ocsp(context: ServiceContext, signer: OcspSigner, template: Template[T]) -> T:
    """Sign with the key of a delegated OCSP signer."""
    pem = context.keyring.open(signer.key_sealed, of_row(OCSP_KEY_PURPOSE, signer.id))
    return template.sign(keys.from_own_pem(pem))


def key_name(version: CaCertificate) -> KeyName:
    """The key of one version of an authority's certificate."""
    return KeyName(version.ca_id, version.spki)


def new_serial() -> int:
    """A random positive serial number of at most 20 octets (RFC 5280 section 4.1.2.2)."""
    return x509.random_serial_number()


def _private_key(context: ServiceContext, row: CaKey) -> keys.PrivateKey:
    if row.signer == BUILT_IN:
        return keys.from_own_pem(context.keyring.open(row.key_sealed or "", of_row(CA_KEY_PURPOSE, row.id)))
    signer = context.signers.get(row.signer)
    if isinstance(signer, KeyHolder):
        return signer.private_key(KeyName(row.ca_id, row.spki))
    if signer is None:
        raise Conflict(f"The signer {row.signer} is not configured in this process.", kind="unknown-signer")
    raise Conflict(
        f"The signer {row.signer} may answer later, so it signs certificate requests only.",
        kind="remote-signer",
    )


def _row(session: Session, name: KeyName) -> CaKey:
    query = select(CaKey).where(CaKey.ca_id == name.ca_id, CaKey.spki == name.spki)
    return cached(session, ("ca-key", *name), lambda: session.exec(query).one())


def remember_keys(session: Session, rows: Iterable[CaKey]) -> None:
    """For a caller that loaded them: a signature of the same transaction queries nothing."""
    for row in rows:
        cached(session, ("ca-key", row.ca_id, row.spki), lambda row=row: row)  # type: ignore[misc]
