"""How often a destination is asked: each delivery and each removal takes one of the places beside its connection."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from certrail.persistence.database import locked
from certrail.persistence.tables import Connection, Delivery, Sync
from certrail.services.core.unit_of_work import Change

MINUTE, TAKEN_WITHIN = timedelta(minutes=1), timedelta(seconds=20)
"""A place may be taken so late; the row is spaced so that no minute holds too many even then."""


@dataclass(frozen=True)
class Turn:
    """The turn of a delivery, or of what is to leave, has not come yet: it is nobody's failure."""

    at: datetime


def hold_rate(session: Session, delivery_id: str) -> Connection | None:
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


def next_turn(change: Change, connection: Connection, delivery: Delivery) -> Turn | None:
    """When the delivery has its turn; ``None`` when that is now, and the place is used up."""
    slot = delivery.slot_at
    if slot is None or change.now - slot > TAKEN_WITHIN:
        slot = max(change.now, connection.next_slot_at or change.now)
        connection.next_slot_at = slot + (MINUTE + TAKEN_WITHIN) / (connection.max_per_minute or 1)
        change.session.add(connection)
    delivery.slot_at = slot if slot > change.now else None
    change.session.add(delivery)
    return Turn(slot) if slot > change.now else None
