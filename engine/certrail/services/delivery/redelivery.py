"""Delivering again what a sync has delivered, or has failed to."""

from sqlalchemy import ColumnElement, not_, true
from sqlmodel import col, select

from certrail.domain.states import DeliveryStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import Delivery, Sync
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.delivery.desired_state import bump_generation

FAILING = (DeliveryStatus.RETRYING, DeliveryStatus.FAILED)


def retry_failing_deliveries(uow: UnitOfWork, sync: Sync) -> None:
    """Retry failing deliveries at once, because the cause may be corrected."""
    _redeliver_where(uow, sync, col(Delivery.status).in_(FAILING))


def redeliver_all(uow: UnitOfWork, sync: Sync) -> None:
    """Redeploy everything; without `auto` only what is pending."""
    there = col(Delivery.observed_generation) == col(Delivery.generation)
    _redeliver_where(uow, sync, true() if sync.auto else not_(there))


def _redeliver_where(uow: UnitOfWork, sync: Sync, condition: ColumnElement[bool]) -> None:
    query = select(Delivery).where(
        Delivery.sync_id == sync.id, Delivery.status != DeliveryStatus.REMOVED, condition
    )
    for delivery in uow.session.exec(locked(query.order_by(col(Delivery.id)))).all():
        bump_generation(uow, sync, delivery)
