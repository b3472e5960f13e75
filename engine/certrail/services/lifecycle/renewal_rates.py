"""How often an authority is asked to renew: permits and places in a queue, taken under a lock on its row."""

from datetime import datetime

from sqlmodel import select

from certrail.domain.pacing import Pace
from certrail.persistence.database import locked
from certrail.persistence.tables import Certificate, CertificateAuthority, CertificateProfile
from certrail.services.core.unit_of_work import UnitOfWork


def lock_rated(uow: UnitOfWork, present: Certificate) -> CertificateAuthority | None:
    """The authority that would sign, locked, if it limits renewals; the lineage is locked before it."""
    profile = uow.session.get_one(CertificateProfile, present.profile_id)
    if profile.ca_id is None:
        return None
    if uow.session.get_one(CertificateAuthority, profile.ca_id).renewals_per_minute is None:
        return None
    query = select(CertificateAuthority).where(CertificateAuthority.id == profile.ca_id)
    return uow.session.exec(locked(query)).one()


def take_permit(uow: UnitOfWork, authority: CertificateAuthority) -> bool:
    """Take a permit to sign once within `USED_WITHIN`. It is spent with the commit, whether it is used or not."""
    arrival = _pace(authority).permit(authority.next_permit_at, uow.now)
    if arrival is None:
        return False
    authority.next_permit_at = arrival
    # The queue is never shorter than what was permitted, or places would be given that no permit is left for.
    authority.next_slot_at = max(authority.next_slot_at or arrival, arrival)
    uow.session.add(authority)
    return True


def next_place(uow: UnitOfWork, authority: CertificateAuthority) -> datetime:
    """The next free place in the queue; it is not taken by looking."""
    return _pace(authority).place(authority.next_slot_at, uow.now)


def take_place(uow: UnitOfWork, authority: CertificateAuthority, place: datetime) -> None:
    """Queue up: the next one comes an interval later."""
    authority.next_slot_at = place + _pace(authority).interval
    uow.session.add(authority)


def _pace(authority: CertificateAuthority) -> Pace:
    return Pace(authority.renewals_per_minute or 1)
