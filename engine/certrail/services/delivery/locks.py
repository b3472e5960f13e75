"""Locks of a delivery. Their order: connection, delivery, retirements."""

from sqlmodel import Session, col, select

from certrail.persistence.database import locked
from certrail.persistence.tables import Connection, Delivery, Sync


def lock_with_rate_limit(session: Session, delivery_id: str) -> tuple[Delivery | None, Connection | None]:
    """A delivery under ``FOR NO KEY UPDATE``, and its connection too if that has a rate limit.

    The connection is locked first: all deliveries of a connection queue for its slots. Nearly none has a limit, so one
    statement looks for that and locks the delivery.
    """
    unlimited = (
        select(Delivery)
        .join(Sync, col(Sync.id) == col(Delivery.sync_id))
        .join(Connection, col(Connection.id) == col(Sync.connection_id), isouter=True)
        .where(Delivery.id == delivery_id, col(Connection.max_per_minute).is_(None))
    )
    if (found := session.exec(locked(unlimited, of=Delivery)).first()) is not None:
        return found, None
    named = select(Sync.connection_id).join(Delivery, col(Delivery.sync_id) == col(Sync.id))
    rated = select(Connection).where(
        col(Connection.id).in_(named.where(Delivery.id == delivery_id)),
        col(Connection.max_per_minute).is_not(None),
    )
    connection = session.exec(locked(rated)).first()
    return lock_delivery(session, delivery_id), connection


def lock_delivery(session: Session, delivery_id: str) -> Delivery | None:
    """A delivery under ``FOR NO KEY UPDATE``; it is locked before its retirements."""
    return session.exec(locked(select(Delivery).where(Delivery.id == delivery_id))).first()
