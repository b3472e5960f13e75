"""Deletion of an authority that nothing depends on."""

from sqlalchemy import delete
from sqlmodel import Session, col, select

from certrail.domain.errors import Conflict
from certrail.persistence.tables import (
    Certificate,
    CertificateAuthority,
    CertificateProfile,
    Crl,
    OcspSigner,
    RevocationTombstone,
    ScepRa,
)
from certrail.services.authorities.ca_revocation import keep_status
from certrail.services.authorities.crl_mirrors import delete_mirrors
from certrail.services.authorities.signing import keys_of, versions_of
from certrail.services.core.unit_of_work import UnitOfWork


def delete_unused(uow: UnitOfWork, authority: CertificateAuthority) -> None:
    """Delete an authority with its keys, certificates, lists and mirrors.

    Raises:
        Conflict: a profile, an authority or a certificate depends on it; they are named.
    """
    _forget_ended(uow, authority)
    _refuse_used(uow.session, authority)
    keep_status(uow, authority)
    own = [version.id for version in versions_of(uow.session, authority.id)]
    uow.session.execute(delete(ScepRa).where(col(ScepRa.ca_certificate_id).in_(own)))
    for row in (*versions_of(uow.session, authority.id), *keys_of(uow.session, authority.id)):
        uow.session.delete(row)
    delete_mirrors(uow.session, authority.id)
    for table in (Crl, OcspSigner):
        for part in uow.session.exec(select(table).where(table.ca_id == authority.id)).all():
            uow.session.delete(part)
    uow.session.delete(authority)


def _forget_ended(uow: UnitOfWork, authority: CertificateAuthority) -> None:
    own = [version.id for version in versions_of(uow.session, authority.id)]
    deleted = RevocationTombstone
    ended = col(deleted.ca_certificate_id).in_(own), col(deleted.not_after) <= uow.now
    uow.session.execute(delete(deleted).where(*ended))


def _refuse_used(session: Session, authority: CertificateAuthority) -> None:
    profiles = session.exec(
        select(CertificateProfile.slug).where(CertificateProfile.ca_id == authority.id)
    ).all()
    below = session.exec(
        select(CertificateAuthority.slug).where(CertificateAuthority.parent_id == authority.id)
    ).all()
    if users := sorted([*profiles, *below]):
        raise Conflict(
            f"The authority is used by: {', '.join(users)}. Delete or change them first.", kind="in-use"
        )
    own = [version.id for version in versions_of(session, authority.id)]
    issued = (
        select(table.fingerprint).where(col(table.ca_certificate_id).in_(own)).limit(1)
        for table in (Certificate, RevocationTombstone)
    )
    if any(session.exec(query).first() for query in issued):
        raise Conflict("The authority has issued certificates; disable it instead.", kind="in-use")
