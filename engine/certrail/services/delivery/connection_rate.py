"""The rate limit of a connection: each deploy and each removal acquires one of its slots."""

from sqlmodel import Session, select

from certrail.domain.rate_limits import RateLimit, RateSlot, is_missed
from certrail.persistence.database import locked
from certrail.persistence.tables import Connection, Delivery, Sync
from certrail.services.core.unit_of_work import UnitOfWork


def lock_rate_limit(session: Session, delivery_id: str) -> Connection | None:
    """The connection of a delivery under ``FOR NO KEY UPDATE``, if it has a rate limit; locked before the delivery."""
    # Its columns only: what the call is made with is read after the delivery is locked.
    query = (
        select(Connection.id, Connection.max_per_minute)
        .join(Sync, Sync.connection_id == Connection.id)  # type: ignore[arg-type]
        .join(Delivery, Delivery.sync_id == Sync.id)  # type: ignore[arg-type]
        .where(Delivery.id == delivery_id)
    )
    ident, limit = session.exec(query).first() or (None, None)
    if limit is None:
        return None
    # Read again under the lock: two deliveries must not acquire the same slot.
    return session.exec(locked(select(Connection).where(Connection.id == ident))).first()


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
