"""The rate limit of an authority for renewals: permits to sign now, and slots for those that have to wait."""

from datetime import datetime, timedelta

from sqlmodel import select

from certrail.domain.rate_limits import RateLimit
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, CertificateAuthority, CertificateProfile
from certrail.services.core.unit_of_work import UnitOfWork

USED_WITHIN = timedelta(seconds=10)
"""A permit expires so long after it was acquired: what is signed later needs another."""


def lock_rated(uow: UnitOfWork, present: Certificate) -> CertificateAuthority | None:
    """The authority that would sign, locked, if it limits renewals; the lineage is locked before it."""
    profile = uow.session.get_one(CertificateProfile, present.profile_id)
    if profile.ca_id is None:
        return None
    if uow.session.get_one(CertificateAuthority, profile.ca_id).renewals_per_minute is None:
        return None
    query = select(CertificateAuthority).where(CertificateAuthority.id == profile.ca_id)
    return uow.session.exec(locked(query)).one()


def acquire_permit(uow: UnitOfWork, authority: CertificateAuthority) -> bool:
    """Acquire a permit to sign once within `USED_WITHIN`. It is spent with the commit, whether it is used or not."""
    limit = _limit(authority)
    slot = limit.next_slot(authority.next_permit_at, uow.now)
    if not limit.is_early_enough(slot, uow.now):
        return False
    authority.next_permit_at = limit.after(slot)
    # The queue is never shorter than what was permitted, or slots would be given that no permit is left for.
    authority.next_slot_at = max(authority.next_slot_at or authority.next_permit_at, authority.next_permit_at)
    uow.session.add(authority)
    return True


def next_slot(uow: UnitOfWork, authority: CertificateAuthority) -> datetime:
    """The next free slot of the queue; it is not acquired by looking."""
    return _limit(authority).next_slot(authority.next_slot_at, uow.now)


def acquire_slot(uow: UnitOfWork, authority: CertificateAuthority, slot: datetime) -> None:
    """Queue up: the next slot comes an interval later."""
    authority.next_slot_at = _limit(authority).after(slot)
    uow.session.add(authority)


def _limit(authority: CertificateAuthority) -> RateLimit:
    return RateLimit(authority.renewals_per_minute or 1, used_within=USED_WITHIN)
