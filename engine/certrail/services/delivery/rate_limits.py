"""How often a destination is asked: each delivery and each removal takes one of the places beside its connection."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from certrail.persistence.database import locked
from certrail.persistence.tables import Connection, Delivery, Sync
from certrail.services.core.unit_of_work import UnitOfWork

MINUTE, TAKEN_WITHIN = timedelta(minutes=1), timedelta(seconds=20)
"""A place may be taken so late; the row is spaced so that no minute holds too many even then."""


@dataclass(frozen=True)
class RateSlot:
    """The turn of a delivery, or of what is to leave, has not come yet: it is nobody's failure."""

    at: datetime


def lock_rate_limit(session: Session, delivery_id: str) -> Connection | None:
    """The connection of a delivery, held before the delivery is, if it must not be used too often."""
    query = (
        select(Connection)
        .join(Sync, Sync.connection_id == Connection.id)  # type: ignore[arg-type]
        .join(Delivery, Delivery.sync_id == Sync.id)  # type: ignore[arg-type]
        .where(Delivery.id == delivery_id)
    )
    found = session.exec(query).first()
    if found is None or found.max_per_minute is None:
        return None
    return session.exec(locked(select(Connection).where(Connection.id == found.id))).first()


def acquire_slot(uow: UnitOfWork, connection: Connection, delivery: Delivery) -> RateSlot | None:
    """When the delivery has its turn; ``None`` when that is now, and the place is used up."""
    slot = delivery.slot_at
    if slot is None or uow.now - slot > TAKEN_WITHIN:
        slot = max(uow.now, connection.next_slot_at or uow.now)
        connection.next_slot_at = slot + (MINUTE + TAKEN_WITHIN) / (connection.max_per_minute or 1)
        uow.session.add(connection)
    delivery.slot_at = slot if slot > uow.now else None
    uow.session.add(delivery)
    return RateSlot(slot) if slot > uow.now else None
