"""The rows of an authority: itself and every version of its certificate."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import Conflict
from certrail.domain.events.authorities import CaCertificateInstalled, CaCreated
from certrail.domain.states import AuthorityStatus
from certrail.persistence.tables import CaCertificate, CertificateAuthority
from certrail.pki import keys
from certrail.pki.bundle import certificate_facts
from certrail.services.authorities.signing import versions_of
from certrail.services.core.lookup import refuse_taken
from certrail.services.core.unit_of_work import UnitOfWork


def insert_authority(
    uow: UnitOfWork,
    kind: str,
    slug: str,
    name: str,
    subject: Subject,
    key_algorithm: KeyAlgorithm,
    max_path_length: int | None,
    parent_id: str | None,
) -> CertificateAuthority:
    """Insert an authority, pending until it has a certificate. Raises Conflict when the slug is taken."""
    refuse_taken(uow.session, CertificateAuthority, slug)
    authority = CertificateAuthority(
        id=uow.new_id(),
        created_at=uow.now,
        slug=slug,
        name=name,
        kind=kind,
        status=AuthorityStatus.PENDING,
        parent_id=parent_id,
        subject=subject.model_dump(exclude_none=True),
        key_algorithm=key_algorithm,
        max_path_length=max_path_length,
    )
    uow.session.add(authority)
    uow.record(CaCreated(authority.id, slug=slug, kind=kind, parent_id=parent_id))
    return authority


def install_certificate(
    uow: UnitOfWork,
    authority: CertificateAuthority,
    certificate: x509.Certificate,
    path: Sequence[x509.Certificate],
    issuer: CaCertificate | None = None,
) -> None:
    """Add a version and make it active; earlier versions stay, for the chains that were issued with them.

    Args:
        issuer: the version of an authority here that signed it.
    """
    facts = certificate_facts(certificate)
    versions = versions_of(uow.session, authority.id)
    if any(version.fingerprint == facts.fingerprint for version in versions):
        raise Conflict("This certificate is installed already.", kind="installed")
    for version in versions:
        version.active = False
        uow.session.add(version)
    number = versions[0].version + 1 if versions else 1
    uow.session.add(
        CaCertificate(
            id=uow.new_id(),
            created_at=uow.now,
            ca_id=authority.id,
            version=number,
            spki=keys.spki_fingerprint(certificate.public_key()),
            pem=facts.pem,
            chain=[issuer.public_bytes(Encoding.PEM).decode() for issuer in path],
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            not_before=facts.not_before,
            not_after=facts.not_after,
            ca_certificate_id=issuer.id if issuer else None,
        )
    )
    if authority.status == AuthorityStatus.PENDING:
        authority.status = AuthorityStatus.ACTIVE
    uow.session.add(authority)
    uow.record(
        CaCertificateInstalled(
            authority.id,
            slug=authority.slug,
            version=number,
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            not_after=facts.not_after,
        )
    )
