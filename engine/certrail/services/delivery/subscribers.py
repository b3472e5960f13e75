"""What follows for deliveries when a connection changes."""

from sqlmodel import select

from certrail.domain.events.integrations import ConnectionUpdated
from certrail.persistence.database import locked
from certrail.persistence.tables import EventRow, Sync
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery.redelivery import retry_failing_deliveries


def connection_updated(uow: UnitOfWork, event: ConnectionUpdated, _row: EventRow) -> None:
    """Retry what fails at every sync that uses the connection: its new credentials may be accepted."""
    if not event.fields:
        return
    # Syncs before their deliveries, and syncs by id: the lock order of every change of several syncs.
    users = select(Sync).where(Sync.connection_id == event.subject_id).order_by(Sync.id)
    for sync in uow.session.exec(locked(users)).all():
        retry_failing_deliveries(uow, sync)
