"""Revocation of an intermediate: its certificates go into the lists and OCSP answers of the authority above it."""

from datetime import datetime

from sqlmodel import Session

from certrail.domain.errors import BadInput, Conflict
from certrail.domain.events.authorities import CaRevoked
from certrail.persistence.tables import CaCertificate, CertificateAuthority, RevocationTombstone
from certrail.pki.revocation import Reason
from certrail.services.authorities.compromised_keys import note_compromised_spki
from certrail.services.authorities.signing import versions_of
from certrail.services.authorities.status import publish_crl
from certrail.services.core.unit_of_work import UnitOfWork


def revoke_versions(uow: UnitOfWork, authority: CertificateAuthority, reason: Reason) -> None:
    """Revoke all certificates of an authority that an authority here signed, for good; it signs no more with them.

    Raises:
        BadInput: the reason is certificateHold.
        Conflict: there is none that holds; one that was signed elsewhere is revoked there.
    """
    if reason is Reason.CERTIFICATE_HOLD:
        raise BadInput("An authority is revoked for good; give another reason, or disable it.", "reason")
    versions = _holding(uow.session, authority, uow.now)
    if not versions:
        raise Conflict(
            "No certificate of this authority can be revoked here: one that signs itself cannot, and one that was"
            " signed elsewhere is revoked there.",
            kind="not-revocable",
        )
    above: dict[tuple[str, str], CaCertificate] = {}
    for version in versions:
        version.revoked_at, version.revocation_reason = uow.now, reason
        uow.session.add(version)
        if reason is Reason.KEY_COMPROMISE:
            note_compromised_spki(uow, version.spki)
        uow.record(
            CaRevoked(
                authority.id,
                slug=authority.slug,
                version=version.version,
                serial=version.serial,
                revocation_reason=reason,
            )
        )
        issuer = uow.session.get_one(CaCertificate, version.ca_certificate_id)
        above[issuer.ca_id, issuer.spki] = issuer
    uow.session.flush()
    # The row of this authority is held already; those above are locked in their turn, always upwards.
    for issuer in above.values():
        publish_crl(uow, issuer)


def keep_status(uow: UnitOfWork, authority: CertificateAuthority) -> None:
    """Of certificates that are deleted with their authority: the one above it answers for them until they end."""
    for version in versions_of(uow.session, authority.id):
        if version.ca_certificate_id and version.not_after > uow.now:
            uow.session.add(
                RevocationTombstone(
                    fingerprint=version.fingerprint,
                    ca_certificate_id=version.ca_certificate_id,
                    serial=version.serial,
                    not_after=version.not_after,
                    revoked_at=version.revoked_at,
                    revocation_reason=version.revocation_reason,
                )
            )


def _holding(session: Session, authority: CertificateAuthority, now: datetime) -> list[CaCertificate]:
    return [
        version
        for version in versions_of(session, authority.id)
        if version.ca_certificate_id and version.revoked_at is None and version.not_after > now
    ]
