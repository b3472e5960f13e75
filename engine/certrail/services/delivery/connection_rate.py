"""The rate limit of a connection: each deploy and each removal acquires one of its slots."""

from certrail.domain.rate_limits import RateLimit, RateSlot, is_missed
from certrail.persistence.tables import Connection, Delivery
from certrail.services.core.unit_of_work import UnitOfWork


def acquire_slot(uow: UnitOfWork, connection: Connection, delivery: Delivery) -> RateSlot | None:
    """The slot that a delivery has to wait for; ``None`` when it is now, and used up.

    The slot is kept in the delivery, so that an attempt that comes back for it does not queue again.
    """
    slot = delivery.slot_at
    if slot is None or is_missed(slot, uow.now):
        limit = RateLimit(connection.max_per_minute or 1)
        slot = limit.next_slot(connection.next_slot_at, uow.now)
        connection.next_slot_at = limit.after(slot)
        uow.session.add(connection)
    delivery.slot_at = slot if slot > uow.now else None
    uow.session.add(delivery)
    return RateSlot(slot) if slot > uow.now else None
